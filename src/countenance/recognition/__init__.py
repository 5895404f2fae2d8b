"""What does the system see? Image to candidates, one way only: images, faces, templates, gallery, candidates."""
