"""The page in a real Chromium, against real served fields."""
