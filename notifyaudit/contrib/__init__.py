"""What the library does with one other package each; imported by whoever uses that package."""
