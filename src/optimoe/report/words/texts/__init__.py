"""What a published text claims, asks and shows, beside ours, in words."""
