"""Reads reports as the systems would that they are for, and prints a JSON list of what they understood.

usage: consume.py csv|emf|junit|nagios|openmetrics=FILE ...
"""

import csv
import importlib.util
import json
import os
import re
import sys


def read_csv(text):
    return list(csv.DictReader(text.splitlines(keepends=True), strict=True))


def read_emf(text):
    """Validates against the schema that AWS published, and takes the metrics as CloudWatch does."""
    from jsonschema import Draft7Validator

    package = importlib.util.find_spec("aws_lambda_powertools").submodule_search_locations[0]
    with open(os.path.join(package, "metrics", "schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    # Written before ids had to be URIs of their own; nothing refers to them.
    validator = Draft7Validator(json.loads(re.sub(r'"\$id":', '"$comment":', json.dumps(schema))))
    lines = []
    for line in text.splitlines():
        document = json.loads(line, parse_constant=sys.exit)
        validator.validate(document)
        metrics = {}
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for dimension in sum(directive["Dimensions"], []):
                assert isinstance(document[dimension], str) and document[dimension], dimension
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                assert isinstance(value, (int, float)) and not isinstance(value, bool), metric
                metrics[metric["Name"]] = value
        lines.append({"side": document["Side"], "source": document["Source"], "metrics": metrics, "document": document})
    return lines


def read_junit(text):
    from junitparser import JUnitXml

    report = JUnitXml.fromstring(text)
    cases = []
    for suite in report:
        for case in suite:
            results = [type(result).__name__.lower() for result in case.result]
            messages = [result.message for result in case.result]
            cases.append({"suite": suite.name, "name": case.name, "results": results, "messages": messages})
    return {"tests": report.tests, "failures": report.failures, "errors": report.errors, "skipped": report.skipped, "cases": cases}


def read_nagios(text):
    """Splits as Nagios does, and writes each value again with the library that plugins use: it must come out the same."""
    from nagiosplugin import Performance, Range

    assert text.endswith("\n") and text.count("\n") == 1, text
    said, _, performance = text.rstrip("\n").partition("|")
    values = {}
    for item in performance.split():
        label, _, rest = item.partition("=")
        value, *limits = (rest + ";" * 4).split(";")[:5]
        number, unit = re.fullmatch(r"(U|[-0-9.]+)(s|%|c|[KMGT]?B|)", value).groups()
        warning, critical, least, most = (limit or None for limit in limits)
        if number != "U":
            number = float(number) if "." in number else int(number)
            again = Performance(label, number, unit, warning, critical, least, most)
            assert str(again).rstrip(";") == item.rstrip(";"), (str(again), item)
        outside = [limit is not None and number != "U" and not Range(limit).match(number) for limit in (warning, critical)]
        values[label] = {"value": number, "warning": outside[0], "critical": outside[1]}
    return {"said": said.strip(), "values": values}


def read_openmetrics(text):
    """Reads it as OpenMetrics and in the older format, which is what node_exporter's collector takes."""
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
    from prometheus_client.parser import text_string_to_metric_families as prometheus

    def samples(families):
        taken = {}
        for family in families:
            assert family.type == "gauge", family
            for sample in family.samples:
                assert sample.timestamp is None, sample
                key = sample.name + "".join(f"[{value}]" for name, value in sample.labels.items() if name == "side")
                assert key not in taken, key
                taken[key] = {"value": sample.value, "labels": sample.labels}
        return taken

    taken = samples(openmetrics(text))
    assert samples(prometheus(text)) == taken
    return taken


def read(argument):
    form, path = argument.split("=", 1)
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    try:
        return globals()[f"read_{form}"](text)
    except Exception as error:
        raise ValueError(f"{path} is no {form}:\n{text}") from error


json.dump([read(argument) for argument in sys.argv[1:]], sys.stdout)
