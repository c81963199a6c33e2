"""Figures as vector graphics inside of a page: text stays text, colours follow the page's theme, and what marks tell
under the pointer is in a <title> each, which page.js shows."""

import io
import json
import re
import xml.etree.ElementTree as ElementTree

from .style import TOLD

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
COLORED = {"style", "fill", "stroke"}  # attributes
SHAPES = {f"{{{SVG}}}{name}" for name in ("path", "use")}


def inline(figure, number, description):
    """The SVG element of a figure; `number` tells it from the others of its page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    root = ElementTree.fromstring(file.getvalue())
    for name in ("metadata", f"{{{SVG}}}metadata"):
        for element in root.findall(name):
            root.remove(element)
    for parent in root.iter(f"{{{SVG}}}defs"):
        # It holds for the whole page; page.css has it.
        for element in parent.findall(f"{{{SVG}}}style"):
            parent.remove(element)
    for group in list(root.iter(f"{{{SVG}}}g")):
        if group.get("id", "").startswith(TOLD):
            add_titles(group, json.loads(group.attrib.pop("id")[len(TOLD) :]))
    width = float(root.attrib.pop("width").removesuffix("pt"))
    del root.attrib["height"]
    root.set("style", f"max-width: {1.35 * width:.0f}px")
    root.set("role", "group")
    root.set("aria-label", description)
    root.set("tabindex", "0")
    set_themes(root)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    return with_own_names(ElementTree.tostring(root, encoding="unicode"), number)


def add_titles(group, texts):
    """Gives every shape of an artist, or every marker of a line, the text that it tells."""
    definitions = {shape for defs in group.iter(f"{{{SVG}}}defs") for shape in defs}
    shapes = [element for element in group.iter() if element.tag in SHAPES and element not in definitions]
    markers = [shape for shape in shapes if shape.tag.endswith("use")]
    shapes = markers or shapes
    if len(shapes) != len(texts):
        raise AssertionError(f"{len(texts)} texts for {len(shapes)} marks: {texts[:2]}")
    for shape, text in zip(shapes, texts):
        if text:
            shape.set("class", "mark")
            ElementTree.SubElement(shape, f"{{{SVG}}}title").text = text


def with_own_names(text, number):
    """Names of one page are all different."""
    text = re.sub(r'\b(id="|href="#)', rf"\g<1>plot{number}-", text)
    return text.replace("url(#", f"url(#plot{number}-")


def set_themes(root):
    """Lets each colour be another one on a dark screen; page.css says which are."""
    for element in root.iter():
        for key in COLORED & element.attrib.keys():
            element.set(key, re.sub(r"#([0-9a-f]{6})\b", r"var(--c\1, #\1)", element.get(key)))
