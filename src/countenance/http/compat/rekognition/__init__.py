"""Amazon Rekognition, mounted at /compat/rekognition."""
