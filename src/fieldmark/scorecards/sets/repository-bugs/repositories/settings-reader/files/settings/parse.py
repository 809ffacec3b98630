"""From text to sections."""


class ParseError(ValueError):
    """A line is wrong."""


def value(text: str):
    """A whole number, a list in commas, or a text."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    if "," in text:
        return [value(part) for part in text.split(",")]
    return text


def sections(text: str) -> list:
    """(name, what it extends or None, settings, added) in order; added are lines with `+=`."""
    found = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#")[0].strip()
        if not line:
            continue
        if line.startswith("["):
            if not line.endswith("]"):
                raise ParseError(f"line {number}: a bracket is not closed")
            name, _, parent = line[1:-1].partition(":")
            found.append((name.strip(), parent.strip() or None, {}, {}))
        elif "=" not in line or not found:
            raise ParseError(f"line {number}: no setting")
        else:
            key, _, text_value = line.partition("=")
            adds = key.endswith("+")
            found[-1][3 if adds else 2][key.rstrip("+").strip()] = value(text_value)
    return found
