"""Validates documents against a JSON Schema, strictly: nothing may be added to them that passes as well, and nothing taken away.

usage: validate.py SCHEMA < DOCUMENTS

Reads a document a line. Prints a JSON list: what is wrong, one text each.
"""

import copy
import json
import sys

from jsonschema import Draft202012Validator

# Members whose own members have names of the user's or of AWS's.
OPEN = {"record", "calls"}
# Members that are there only where they say something: of a job, of what it has told before or was rewound to, of kinds of records, of what could not be compared, and of
# what one side alone has set.
OPTIONAL = {"state", "known_since", "rewound_to", "vpc", "transit-gateway", "field_doubts", "fewer_fields"}
OPTIONAL_OF_CONFIGURATION = {"side", "s3", "cwl"}


def objects(value, path=()):
    """Every object within a document, by its path, but those with names of others."""
    if isinstance(value, dict):
        if not (path and path[-1] in OPEN):
            yield path
        for name, member in value.items():
            yield from objects(member, path + (name,))
    elif isinstance(value, list):
        # What holds of the first two holds of all.
        for index, member in enumerate(value[:2]):
            yield from objects(member, path + (index,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def loose(validator, document):
    """What a change that anybody could notice gets past the schema."""
    for path in objects(document):
        changed = copy.deepcopy(document)
        at(changed, path)["brand_new"] = 1
        if validator.is_valid(changed):
            yield f"a new member of {path} passes"
        names = at(document, path)
        optional = set(OPTIONAL)
        if names.get("kind") == "configuration":
            optional |= OPTIONAL_OF_CONFIGURATION
        for name in set(names) - optional:
            changed = copy.deepcopy(document)
            del at(changed, path)[name]
            if validator.is_valid(changed):
                yield f"{path} passes without {name}"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    wrong = []
    for line in sys.stdin:
        document = json.loads(line)
        errors = [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(document)]
        wrong += errors or loose(validator, document)
    print(json.dumps(wrong))


main()
