"""The recompute of every customer's states from landed rows, as one would write it in pandas.

Reads a request (JSON, the only argument), writes the states as Parquet into its folder, and prints how long that took
without the start of Python and the imports. It ends when its input does: until then it can be looked at.
"""

import json
import os
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HOUR_MS = 3_600_000

# The total order of history: imports by number and row, then the log by epoch, partition and offset.
ORDER = ["in_log", "major", "minor", "position"]


def read(files, columns):
    """The landed rows of a source, with their place in the total order."""
    columns = ["customer_id", "event_id", *columns, "position"]
    frames = []
    for file in files:
        if file["import"] is None:
            frame = pd.read_parquet(file["location"], columns=[*columns, "epoch", "partition"])
            frame = frame.rename(columns={"epoch": "major", "partition": "minor"}).assign(in_log=True)
        else:
            frame = pd.read_parquet(file["location"], columns=columns)
            frame = frame.assign(major=file["import"], minor=0, in_log=False)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def number_customers(frames):
    """Puts a small number in place of each customer's id; answers the ids by number, sorted."""
    ids = pd.concat([frame["customer_id"] for frame in frames.values()], ignore_index=True)
    numbers, customers = pd.factorize(ids, sort=True)
    start = 0
    for frame in frames.values():
        frame["customer"] = numbers[start : start + len(frame)]
        frame.drop(columns="customer_id", inplace=True)
        # One numbering of rows over all sources: repeats are looked for over all of them.
        frame.index = pd.RangeIndex(start, start + len(frame))
        start += len(frame)
    return customers


def repeats(frames):
    """The rows that repeat an earlier (customer, event_id). Most ids are unique: only the others are sorted."""
    identity = ["customer", "event_id"]
    ids = pd.concat([frame[identity] for frame in frames.values()])
    shared = ids.index[ids.duplicated(keep=False)]
    contenders = pd.concat([frame.loc[shared.intersection(frame.index), identity + ORDER] for frame in frames.values()])
    contenders = contenders.sort_values(ORDER)
    return contenders.index[contenders.duplicated(identity)]


def consolidate(rows):
    """One row for each key: the last change in the log, else the last import, else the first placement."""
    identity = ["customer", "key"]
    contested = rows.duplicated(identity, keep=False)
    alone, rest = rows[~contested], rows[contested].sort_values(ORDER)
    changed = rest["kind"] != "placed"
    nth = np.arange(len(rest))
    rest = rest.assign(
        changed=changed,
        changed_in_log=changed & rest["in_log"],
        import_number=rest["major"].where(~rest["in_log"], -1),
        nth=np.where(rest["in_log"] & ~changed, -nth, nth),
    )
    unmatched = rest.groupby(identity)["changed"].transform("all")
    rest = rest.assign(unmatched=unmatched).sort_values(["changed_in_log", "import_number", "changed", "nth"])
    decided = rest.drop_duplicates(identity, keep="last")
    return pd.concat([alone.assign(unmatched=alone["kind"] != "placed"), decided[[*alone.columns, "unmatched"]]])


class States:
    """The columns of all customers, by their numbers."""

    def __init__(self, customers):
        self.columns = {"customer_id": pa.array(customers)}
        self.numbers = np.arange(len(customers))

    def count(self, name, rows):
        self.number(name, rows.groupby("customer").size())

    def number(self, name, values):
        self.columns[name] = pa.array(values.reindex(self.numbers, fill_value=0))

    def time(self, name, values):
        self.columns[name] = pa.array(values.astype("Int64").reindex(self.numbers)).cast(pa.timestamp("ms"))

    def counts_by(self, name, rows, bucket):
        counts = rows.groupby(["customer", bucket]).size()
        keys = pa.array(counts.index.get_level_values(bucket))
        self.columns[name] = pa.MapArray.from_arrays(self.offsets(counts.index), keys, pa.array(counts.to_numpy()))

    def values_of(self, name, rows, field):
        values = rows[["customer", field]].drop_duplicates().sort_values(["customer", field])
        offsets = self.offsets(values.set_index("customer").index)
        self.columns[name] = pa.ListArray.from_arrays(offsets, pa.array(values[field]))

    def latest(self, field, rows):
        said = rows[rows[f"{field}_present"]].sort_values(["customer", "occurred_at", "event_id"])
        last = said.drop_duplicates("customer", keep="last").set_index("customer")
        values = last[field].astype("Int32") if field == "birth_year" else last[field]
        self.columns[field] = pa.array(values.reindex(self.numbers))
        self.time(f"{field}_at", last["occurred_at"])
        self.columns[f"{field}_event_id"] = pa.array(last["event_id"].reindex(self.numbers))

    def offsets(self, index):
        """Where each customer's entries begin in entries that are sorted by customer."""
        owners = index.get_level_values("customer").to_numpy()
        return pa.array(np.searchsorted(owners, np.arange(len(self.numbers) + 1)), pa.int32())


def add_orders(states, rows):
    kept = rows[~rows["cancelled"]]
    per_customer = kept.groupby("customer").agg(
        total_revenue=("total_amount", "sum"),
        order_count=("total_amount", "size"),
        first_order_date=("order_date", "min"),
        last_order_date=("order_date", "max"),
    )
    states.number("total_revenue", per_customer["total_revenue"])
    states.number("order_count", per_customer["order_count"])
    states.time("first_order_date", per_customer["first_order_date"])
    states.time("last_order_date", per_customer["last_order_date"])
    states.count("cancelled_orders", rows[rows["cancelled"]])


def add_refunds(states, rows):
    per_customer = rows.groupby("customer")["amount"].agg(["sum", "size"])
    states.number("refunds_total", per_customer["sum"])
    states.number("refund_count", per_customer["size"])


def add_tickets(states, rows, oldest_hour):
    per_customer = rows.groupby("customer")["created_date"].agg(["size", "max"])
    states.number("tickets_total", per_customer["size"])
    states.time("last_ticket_date", per_customer["max"])
    states.count("open_tickets", rows[rows["resolved_date"].isna()])
    states.counts_by("tickets_by_category", rows, "category")
    recent = within(rows, "created_date", oldest_hour)
    states.counts_by("tickets_30d_by_hour", recent, "hour")
    high = recent[recent["priority"].isin(["high", "urgent"])]
    states.counts_by("high_priority_tickets_30d_by_hour", high, "hour")


def add_marketing(states, rows, oldest_hour):
    recent = within(rows, "event_date", oldest_hour)
    kinds = {"email_opens": "email_open", "email_clicks": "email_click", "campaign_views": "campaign_view"}
    for name, engagement in kinds.items():
        states.count(name, rows[rows["engagement"] == engagement])
        states.counts_by(f"{name}_30d_by_hour", recent[recent["engagement"] == engagement], "hour")
    states.values_of("campaigns_engaged", rows, "campaign_id")
    states.time("last_engagement_date", rows.groupby("customer")["event_date"].max())


def within(rows, date, oldest_hour):
    """The rows of the hours that a run keeps, with their hour."""
    hours = (rows[date] // HOUR_MS).astype("int32")
    return rows.assign(hour=hours)[hours > oldest_hour]


def recompute(request):
    frames = {source: read(request["rows"][source], columns) for source, columns in request["columns"].items()}
    customers = number_customers(frames)
    repeated = repeats(frames)
    states = States(customers)
    # A source's rows are let go before the next one's are consolidated.
    rows = lambda source: without(frames.pop(source), repeated)  # noqa: E731
    oldest_hour = request["oldestHour"]
    for source, add in {
        "orders": lambda consolidated: add_orders(states, consolidated),
        "refunds": lambda consolidated: add_refunds(states, consolidated),
        "support_tickets": lambda consolidated: add_tickets(states, consolidated, oldest_hour),
    }.items():
        consolidated = consolidate(rows(source))
        add(consolidated)
        states.count(f"{source}_unmatched", consolidated[consolidated["unmatched"]])
    add_marketing(states, rows("marketing_events"), oldest_hour)
    profiles = rows("profiles")
    for field in ("segment", "country", "birth_year"):
        states.latest(field, profiles)
    os.makedirs(request["states"])
    pq.write_table(pa.table(states.columns), os.path.join(request["states"], "states.parquet"), compression="zstd")


def without(rows, repeated):
    return rows[~rows.index.isin(repeated)]


def main():
    request = json.loads(sys.argv[1])
    pa.set_cpu_count(request["threads"])
    pa.set_io_thread_count(request["threads"])
    began = time.perf_counter()
    recompute(request)
    print(json.dumps({"workMs": (time.perf_counter() - began) * 1000}), flush=True)
    sys.stdin.read()


main()
