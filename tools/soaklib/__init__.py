"""What tools/soak is made of: a world, who acts in it, and the laws that hold meanwhile."""
