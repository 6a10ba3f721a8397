"""What is answered to a request, before it is printed: by the command line, and by the page's API."""

from optimoe.app.answers.answer import Answer

__all__ = ["Answer"]
