"""What is answered to a request, before it is printed: by the command line, and by the page's API."""

from optimoe.app.replies.reply import Reply

__all__ = ["Reply"]
