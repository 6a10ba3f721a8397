"""A table of runs that tests read."""

TABLE = {"params": [1e8, 2e8, 4e8], "tokens": [1e9, 1e9, 2e9], "val": [3.0, 2.8, 2.6]}


MAPPING = {"N": "params", "D": "tokens", "loss": "val"}


def write_csv(path, table):
    rows = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    path.write_text("\n".join(rows) + "\n")
    return path
