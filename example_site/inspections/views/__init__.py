"""The site's pages. A wrong status or a refusal becomes a message; a missing right becomes 403 or 404."""
