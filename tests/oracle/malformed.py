"""Rows that are no records, rows that hold several, and rows about which two sensible readers might differ."""

import rules
from situation import SIDES, Row

JUNK = ("hi there", "Permission Check Successful", "None", "hello", "2", "-", "eni-0a1 10.0.0.1")


def malform(world, part, formats):
    """Damages some rows of a part."""
    rng, rows, layout = world.rng, [], None
    for number, row in enumerate(part.rows):
        layout = row.header or layout
        if row.header:
            rows.append(row)
            continue
        columns = layout or max(formats, key=len)
        draw = rng.random()
        if "malformed" in world.traits and draw < 0.1:
            text = damaged(rng, row.text, columns)
            rows.append(changed(row, text))
            if rng.random() < 0.3:
                rows.append(row)
        elif "malformed" in world.traits and draw < 0.13 and rows:
            rows += [row, changed(row, rng.choice(JUNK))]
        elif draw > 0.9 and world.traits & {"malformed", "several"} and rows and not rows[-1].header:
            before = rows.pop()
            text = several(world, part, before.text, row.text, columns)
            # In a file of lines that is another line.
            lines = text.split("\n") if part.shape == "text" else [text]
            rows += [changed(row, line) for line in lines]
        else:
            rows.append(row)
    part.rows = rows
    part.second = part.second if part.second < len(rows) else 0
    if "cut" in world.traits and part.shape in ("text", "gzip") and rng.random() < 0.3 and len(rows) > 1:
        last, layout = rows[-1], next((row.header for row in reversed(rows) if row.header), None)
        layout = layout or (formats[0] if len(formats) == 1 else None)
        if not last.header and layout and layout[-1] in rules.CLOSED:
            part.ended = False
            rows[-1] = changed(last, last.text.rstrip()[: -rng.choice((1, 1, 2))])


def changed(row, text):
    return Row(text, None, row.stream, row.timestamp, row.event and row.event + "1")


def damaged(rng, text, columns):
    cells = text.split()
    way = rng.randrange(6)
    if way == 0 or len(cells) < 3:
        return " ".join(cells[: max(1, rng.randrange(len(cells)))])
    if way == 1:
        return " ".join(cells[: -(len(cells) // 2)])[:-1] or "x"
    if way == 2:
        return " ".join(cells + ["extra"] * rng.choice((1, 2, len(cells))))
    integers = [n for n, name in enumerate(columns[: len(cells)]) if name in rules.INTEGERS]
    if way == 3 and "start" in columns and len(cells) == len(columns):
        cells[columns.index("start")] = rng.choice(("x", "17e8", "1700000160.5"))
    elif integers:
        at = rng.choice(integers)
        cells[at] = rng.choice(("abc", "-7", "12x", "0x1f", "1.5", "9" * 25 if columns[at] in rules.COUNTS else "+1"))
    return " ".join(cells)


def several(world, part, one, other, columns):
    """Two rows in one, which can be read if each of them fits."""
    rng = world.rng
    if "several" in world.traits:
        ways = ["\t", "\\n", ""] + (["\r"] if part.shape == "text" else []) + (["\n"] if part.shape.endswith("events") else [])
        separator = rng.choice(ways)
    else:
        separator = " "
    broken = rng.random() < 0.4 or "several" not in world.traits
    if broken and "malformed" in world.traits:
        other = damaged(rng, other, columns)
    elif broken:
        return one + "\n" + other if part.shape == "text" else one
    return one.strip() + separator + other.strip()


def doubtful(made):
    """Whether some row is a record to a reader who looks at whole numbers alone and none to one who knows every value."""
    for side in SIDES:
        formats = [tuple(layout) for layout in made.formats[side]] or [tuple(rules.VERSION_2)]
        for part in made.parts[side]:
            layouts = formats
            for row in part.rows:
                if row.header:
                    layouts = [row.header]
                elif doubtful_row(row.text, layouts, len(formats) > 1 and layouts is formats):
                    return True
    return False


def doubtful_row(text, layouts, choice):
    cells = text.split()
    # A time in milliseconds before or behind a record is what tools write there, as well as the rest of another record.
    if any(len(cell) == 13 and cell.isdigit() for cell in cells[:1] + cells[-1:]) and any(len(cells) == len(one) + 1 for one in layouts):
        return True
    for layout in layouts:
        record = rules.fit(layout, cells, False)
        if record and choice and not strict(layout, cells):
            return True
    return False


def strict(layout, cells):
    """Whether each cell is as AWS would write it."""
    return all(strict_cell(name, cell) for name, cell in zip(layout, cells))


def strict_cell(name, cell):
    if name in ("start", "end", "version", "interface-id", "account-id", "log-status") and cell == "-":
        return False
    if cell == "-" or rules.is_masked(cell):
        return True
    if name == "region":
        return not cell[0].isdigit() and cell not in ("ACCEPT", "REJECT", "OK", "NODATA", "SKIPDATA")
    return name in rules.INTEGERS or rules.is_shaped(name, cell)
