#!/usr/bin/python3
"""Writes an OpenAPI document given in YAML as JSON. The further inputs, one for each part of the product, add tags, paths and
components to the first.

usage: openapi-to-json.py OUTPUT.json INPUT.yaml [INPUT.yaml…]
"""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Refuses two equal keys in one mapping, of which YAML would silently drop one, and keys without a value."""


def construct_mapping(loader, node):
    mapping = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            sys.exit(f"{loader.name}:{key_node.start_mark.line + 1}: the key {key!r} stands here twice")
        mapping[key] = loader.construct_object(value_node, deep=True)
        if mapping[key] is None:
            # Nearly always a comma within {…}, where it ends a text that has no quotes.
            sys.exit(f"{loader.name}:{key_node.start_mark.line + 1}: the key {key!r} has no value")
    return mapping


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct_mapping)


def add(document, part, source):
    for key, value in part.items():
        if key not in document:
            document[key] = value
        elif isinstance(value, dict) and key in ("paths", "components", "schemas", "responses", "parameters"):
            add(document[key], value, source)
        elif isinstance(value, list) and key == "tags":
            document[key] += value
        else:
            sys.exit(f"{source}: the key {key!r} stands in another file, too")


def main(target, *sources):
    document = {}
    for source in sources:
        with open(source, encoding="utf-8") as file:
            add(document, yaml.load(file, Loader), source)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main(*sys.argv[1:])
