#!/usr/bin/python3
"""Writes an OpenAPI document given in YAML as JSON.

usage: openapi-to-json.py INPUT.yaml OUTPUT.json
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


def main(source, target):
    with open(source, encoding="utf-8") as file:
        document = yaml.load(file, Loader)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


main(*sys.argv[1:])
