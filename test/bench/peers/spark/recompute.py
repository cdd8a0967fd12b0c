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

# The total order of history: imports by number and row, then the log by epoch, partition and offset.
ORDER = ["in_log", "major", "minor", "position"]


def read(spark, files, columns):
    """The landed rows of a source, with their place in the total order."""
    columns = ["customer_id", "event_id", *columns]
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


def repeats(sources):
    """Places of the rows that repeat an earlier (customer, event id), over all sources."""
    identity = ["customer_id", "event_id"]
    ids = reduce(
        lambda one, other: one.unionByName(other), [rows.select(*identity, *ORDER) for rows in sources.values()]
    ).withColumn("hash", F.xxhash64(*identity))
    # Most ids are unique: their hashes tell, and only the others are sorted.
    shared = ids.groupBy("hash").count().where("count > 1").select("hash")
    nth = F.row_number().over(Window.partitionBy(*identity).orderBy(*ORDER))
    return ids.join(shared, "hash", "left_semi").withColumn("nth", nth).where("nth > 1").select(*ORDER)


def consolidate(rows):
    """One row for each key: the last change in the log, else the last import, else the first placement."""
    per_key = Window.partitionBy("customer_id", "key")
    changed = F.col("kind") != "placed"
    # Placements of the log stand in line from the last to the first: the first in line is always the one.
    sign = F.when(F.col("in_log") & ~changed, -1).otherwise(1)
    line = per_key.orderBy(
        (F.col("in_log") & changed).desc(),
        F.when(~F.col("in_log"), F.col("major")).desc_nulls_last(),
        changed.desc(),
        *((F.col(place) * sign).desc() for place in ("major", "minor", "position")),
    )
    ranked = rows.withColumn("nth", F.row_number().over(line)).withColumn("unmatched", F.min(changed).over(per_key))
    return ranked.where("nth = 1").drop("nth")


def count_if(condition):
    return F.count(F.when(condition, True))


def moment(ms):
    return F.timestamp_millis(ms).cast("timestamp_ntz")


def map_of(bucket, count, condition):
    """From counts by bucket, of those for which the condition holds: a map of them."""
    return F.map_from_entries(F.collect_list(F.when(condition, F.struct(bucket, count))))


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
    totals = rows.groupBy("customer_id").agg(
        F.count("*").alias("tickets_total"),
        count_if(F.col("resolved_date").isNull()).alias("open_tickets"),
        moment(F.max("created_date")).alias("last_ticket_date"),
        count_if(F.col("unmatched")).alias("support_tickets_unmatched"),
    )
    by_category = rows.groupBy("customer_id", "category").agg(F.count("*").alias("count"))
    categories = by_category.groupBy("customer_id").agg(
        map_of("category", "count", F.lit(True)).alias("tickets_by_category"),
    )
    recent = rows.withColumn("hour", hour_of("created_date")).where(F.col("hour") > oldest_hour)
    by_hour = recent.groupBy("customer_id", "hour").agg(F.count("*").alias("count"), count_if(high).alias("high"))
    hours = by_hour.groupBy("customer_id").agg(
        map_of("hour", "count", F.lit(True)).alias("tickets_30d_by_hour"),
        map_of("hour", "high", F.col("high") > 0).alias("high_priority_tickets_30d_by_hour"),
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
    by_hour = recent.groupBy("customer_id", "engagement", "hour").count()
    hours = by_hour.groupBy("customer_id").agg(
        *(
            map_of("hour", "count", F.col("engagement") == engagement).alias(f"{name}_30d_by_hour")
            for name, engagement in kinds.items()
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
    sources = {source: read(spark, request["rows"][source], columns) for source, columns in request["columns"].items()}
    repeated = F.broadcast(repeats(sources).cache())
    # All of a customer's rows in one place: whatever follows is by customer, and nothing is moved again.
    rows = {
        source: landed.join(repeated, ORDER, "left_anti").repartition("customer_id")
        for source, landed in sources.items()
    }
    for source in ("orders", "refunds", "support_tickets"):
        rows[source] = consolidate(rows[source])
    # What several of the states below are made from.
    rows["support_tickets"].cache()
    rows["marketing_events"].cache()
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
