"""What may be held, and until when? Permission to proof, one way only."""
