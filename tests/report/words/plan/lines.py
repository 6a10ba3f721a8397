"""Reads one line of a result in labelled lines."""


def text_of(lines, label):
    (text,) = [text for name, text in lines if name == label]
    return text
