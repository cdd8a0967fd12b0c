"""The recompute of every customer's states from landed rows, as one would write it in Spark.

Reads a request (JSON, the only argument), writes the states as Parquet into its folder, and prints how long that took
without the start of Python, the JVM and the session. It ends when its input does: until then it can be looked at.
"""

import json
import sys
import time
from functools import reduce

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

HOUR_MS = 3_600_000

KEYED = {
    "orders": ["order_date", "total_amount", "cancelled"],
    "refunds": ["amount"],
    "support_tickets": ["category", "priority", "created_date", "resolved_date"],
}
UNKEYED = {
    "marketing_events": ["engagement", "campaign_id", "event_date"],
    "profiles": [
        "occurred_at",
        *(f"{field}{suffix}" for field in ("segment", "country", "birth_year") for suffix in ("", "_present")),
    ],
}

# The total order of history: imports by number and row, then the log by epoch, partition and offset.
ORDER = ["in_log", "major", "minor", "position"]


def read(spark, source, files):
    """The landed rows of a source, with their place in the total order."""
    keyed = ["key", "kind"] if source in KEYED else []
    columns = ["customer_id", "event_id", *keyed, *(KEYED.get(source) or UNKEYED[source])]
    imports = sorted({file["import"] for file in files if file["import"] is not None})
    parts = []
    for number in [None, *imports]:
        paths = [file["location"] for file in files if file["import"] == number]
        if not paths:
            continue
        in_log = number is None
        major, minor = (F.col("epoch"), F.col("partition")) if in_log else (F.lit(number), F.lit(0))
        place = [F.lit(in_log).alias("in_log"), major.alias("major"), minor.alias("minor"), "position"]
        parts.append(spark.read.parquet(*paths).select(*columns, *place))
    return reduce(lambda one, other: one.unionByName(other), parts)


def shared(rows, *identity):
    """Hashes of the identities that more than one row has: most have one, and only the others need a window."""
    return rows.groupBy(F.xxhash64(*identity).alias("hash")).count().where("count > 1").select("hash")


def repeats(sources):
    """Places of the rows that repeat an earlier (customer, event id), over all sources."""
    identity = ["customer_id", "event_id"]
    ids = reduce(
        lambda one, other: one.unionByName(other), [rows.select(*identity, *ORDER) for rows in sources.values()]
    )
    contenders = ids.withColumn("hash", F.xxhash64(*identity)).join(shared(ids, *identity), "hash", "left_semi")
    nth = F.row_number().over(Window.partitionBy(*identity).orderBy(*ORDER))
    return contenders.withColumn("nth", nth).where("nth > 1").select(*ORDER)


def consolidate(rows):
    """One row for each key: the last change in the log, else the last import, else the first placement."""
    identity = ["customer_id", "key"]
    changed = F.col("kind") != "placed"
    hashed = rows.withColumn("hash", F.xxhash64(*identity))
    contested = shared(rows, *identity)
    per_key = Window.partitionBy(*identity)
    # Placements of the log are in line from the last to the first, so that the last in line is always the one.
    sign = F.when(F.col("in_log") & ~changed, -1).otherwise(1)
    decided = (
        hashed.join(contested, "hash", "left_semi")
        .withColumn("unmatched", F.min(changed).over(per_key))
        .withColumn(
            "nth",
            F.row_number().over(
                per_key.orderBy(
                    (F.col("in_log") & changed).desc(),
                    F.when(~F.col("in_log"), F.col("major")).desc_nulls_last(),
                    changed.desc(),
                    *((F.col(place) * sign).desc() for place in ("major", "minor", "position")),
                )
            ),
        )
        .where("nth = 1")
        .drop("nth")
    )
    alone = hashed.join(contested, "hash", "left_anti").withColumn("unmatched", changed)
    return alone.unionByName(decided)


def count_if(condition):
    return F.count(F.when(condition, True))


def moment(ms):
    return F.timestamp_millis(ms).cast("timestamp_ntz")


def map_of(bucket, condition):
    """From counts by bucket, of the rows for which the condition holds: a map of them."""
    return F.map_from_entries(F.collect_list(F.when(condition, F.struct(bucket, "count"))))


def hour_of(date):
    return F.expr(f"CAST({date} DIV {HOUR_MS} AS INT)")


def order_states(rows):
    kept = ~F.col("cancelled")
    return rows.groupBy("customer_id").agg(
        F.sum(F.when(kept, F.col("total_amount"))).alias("total_revenue"),
        count_if(kept).alias("order_count"),
        moment(F.min(F.when(kept, F.col("order_date")))).alias("first_order_date"),
        moment(F.max(F.when(kept, F.col("order_date")))).alias("last_order_date"),
        count_if(F.col("cancelled")).alias("cancelled_orders"),
        count_if(F.col("unmatched")).alias("orders_unmatched"),
    )


def refund_states(rows):
    return rows.groupBy("customer_id").agg(
        F.sum("amount").alias("refunds_total"),
        F.count("*").alias("refund_count"),
        count_if(F.col("unmatched")).alias("refunds_unmatched"),
    )


def ticket_states(rows, oldest_hour):
    high = F.col("priority").isin("high", "urgent")
    hour = F.when(hour_of("created_date") > oldest_hour, hour_of("created_date"))
    # What the rows are grouped by first serves both maps and all counts: far fewer groups than rows are left of it.
    counts = rows.groupBy("customer_id", "category", hour.alias("hour"), high.alias("high")).agg(
        F.count("*").alias("count"),
        count_if(F.col("resolved_date").isNull()).alias("open"),
        F.max("created_date").alias("last"),
        count_if(F.col("unmatched")).alias("unmatched"),
    )
    totals = counts.groupBy("customer_id").agg(
        F.sum("count").alias("tickets_total"),
        F.sum("open").alias("open_tickets"),
        moment(F.max("last")).alias("last_ticket_date"),
        F.sum("unmatched").alias("support_tickets_unmatched"),
    )
    by_category = counts.groupBy("customer_id", "category").agg(F.sum("count").alias("count"))
    by_hour = counts.where("hour IS NOT NULL").groupBy("customer_id", "hour")
    by_hour = by_hour.agg(F.sum("count").alias("count"), F.sum(F.when(F.col("high"), F.col("count"))).alias("high"))
    categories = by_category.groupBy("customer_id").agg(
        map_of("category", F.lit(True)).alias("tickets_by_category"),
    )
    hours = by_hour.groupBy("customer_id").agg(
        map_of("hour", F.lit(True)).alias("tickets_30d_by_hour"),
        F.map_from_entries(F.collect_list(F.when(F.col("high").isNotNull(), F.struct("hour", "high")))).alias(
            "high_priority_tickets_30d_by_hour"
        ),
    )
    return totals.join(categories, "customer_id", "left").join(hours, "customer_id", "left")


def marketing_states(rows, oldest_hour):
    kinds = {"email_opens": "email_open", "email_clicks": "email_click", "campaign_views": "campaign_view"}
    totals = rows.groupBy("customer_id").agg(
        *(count_if(F.col("engagement") == engagement).alias(name) for name, engagement in kinds.items()),
        F.sort_array(F.collect_set("campaign_id")).alias("campaigns_engaged"),
        moment(F.max("event_date")).alias("last_engagement_date"),
    )
    recent = rows.withColumn("hour", hour_of("event_date")).where(F.col("hour") > oldest_hour)
    hours = (
        recent.groupBy("customer_id", "engagement", "hour")
        .count()
        .groupBy("customer_id")
        .agg(
            *(
                map_of("hour", F.col("engagement") == engagement).alias(f"{name}_30d_by_hour")
                for name, engagement in kinds.items()
            )
        )
    )
    return totals.join(hours, "customer_id", "left")


def profile_states(rows):
    fields = ("segment", "country", "birth_year")
    newest = rows.groupBy("customer_id").agg(
        *(
            F.max(F.when(F.col(f"{field}_present"), F.struct("occurred_at", "event_id", field))).alias(f"{field}_said")
            for field in fields
        )
    )
    return newest.select(
        "customer_id",
        *(
            column
            for field in fields
            for column in (
                F.col(f"{field}_said.{field}").alias(field),
                moment(F.col(f"{field}_said.occurred_at")).alias(f"{field}_at"),
                F.col(f"{field}_said.event_id").alias(f"{field}_event_id"),
            )
        ),
    )


def with_zeros(states):
    """Counts, sums, maps and lists are never null: customers without rows in a source have zeros there."""
    empty = {"bigint": "0L", "map": "map()", "array": "array()"}
    dates = [name for name, kind in states.dtypes if kind == "timestamp_ntz"]
    nullable = {"customer_id", "segment", "country", "birth_year", *dates}
    return states.select(
        *(
            F.col(name)
            if name in nullable or kind == "string"
            else F.coalesce(F.col(name), F.expr(empty[kind.split("<")[0]]).cast(kind)).alias(name)
            for name, kind in states.dtypes
        )
    )


def recompute(spark, request):
    sources = {source: read(spark, source, request["rows"][source]) for source in (*KEYED, *UNKEYED)}
    repeated = repeats(sources).cache()
    rows = {source: landed.join(repeated, ORDER, "left_anti") for source, landed in sources.items()}
    for source in KEYED:
        rows[source] = consolidate(rows[source])
    oldest_hour = request["oldestHour"]
    parts = [
        order_states(rows["orders"]),
        refund_states(rows["refunds"]),
        ticket_states(rows["support_tickets"], oldest_hour),
        marketing_states(rows["marketing_events"], oldest_hour),
        profile_states(rows["profiles"]),
    ]
    states = reduce(lambda one, other: one.join(other, "customer_id", "full_outer"), parts)
    with_zeros(states).write.option("compression", "zstd").parquet(request["states"])


def main():
    request = json.loads(sys.argv[1])
    spark = (
        SparkSession.builder.master(f"local[{request['threads']}]")
        .config("spark.driver.memory", request["memory"])
        .config("spark.local.dir", request["scratch"])
        .config("spark.sql.shuffle.partitions", 4 * request["threads"])
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", False)
        .getOrCreate()
    )
    began = time.perf_counter()
    recompute(spark, request)
    print(json.dumps({"workMs": (time.perf_counter() - began) * 1000}), flush=True)
    sys.stdin.read()
    spark.stop()


main()
