"""A result asks for its view when it is shown, and not before."""

import sys
from types import ModuleType

from optimoe.core.results import shown
from optimoe.core.results.shown import Drawn


class Told(shown.View):
    def text(self, width):
        return f"{width} columns"

    def html(self):
        return "<p>"

    def columns(self):
        return {"one": [1]}

    def figure(self, kind):
        return kind


def test_each_way_of_showing_asks_the_view(monkeypatch):
    result = Drawn()
    words = ModuleType("words")
    words.view = lambda one: Told() if one is result else None
    monkeypatch.setitem(sys.modules, "words", words)
    monkeypatch.setattr(shown, "SHOWN_BY", "words")
    assert result.summary() == "100 columns"
    assert result.summary(60) == "60 columns"
    assert result._repr_html_() == "<p>"
    assert result.to_frame("dict") == {"one": [1]}
    assert result.plot("size") == "size"
