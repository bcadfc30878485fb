"""What a statement writes. The long examples are what Django 6.1 sent to the three databases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.statements import Savepoint, bare, savepoint, writes


def read(sql):
    return [(written.operation, written.table, *sorted(written.columns())) for written in writes(sql)]


def written_by(operation, *columns, table="shop_order"):
    return [(operation, table, *columns)]


FROM_DJANGO = [
    # What Django sends for create()
    (
        'INSERT INTO "shop_order" ("title", "paid") VALUES (%s, %s) RETURNING "shop_order"."id"',
        written_by("insert"),
    ),
    ("INSERT INTO `shop_order` (`title`) VALUES (%s) RETURNING `shop_order`.`id`", written_by("insert")),
    # What Django sends for bulk_create()
    (
        'INSERT INTO "shop_order" ("title") SELECT * FROM UNNEST((%s)::varchar[]) RETURNING "id"',
        written_by("insert"),
    ),
    # What Django sends for bulk_create(ignore_conflicts=True), m2m add()
    (
        'INSERT OR IGNORE INTO "shop_order_tags" ("order_id", "tag_id") VALUES (%s, %s), (%s, %s)',
        written_by("insert", table="shop_order_tags"),
    ),
    (
        (
            'INSERT INTO "shop_order_tags" ("order_id", "tag_id") SELECT * FROM UNNEST((%s)::bigint[]) '
            "ON CONFLICT DO NOTHING"
        ),
        written_by("insert", table="shop_order_tags"),
    ),
    ("INSERT IGNORE INTO `shop_order` (`id`, `title`) VALUES (%s, %s)", written_by("insert")),
    # What Django sends for bulk_create(update_conflicts=True)
    (
        (
            'INSERT INTO "shop_order" ("id", "title") VALUES (%s, %s) ON CONFLICT("id") DO UPDATE SET '
            '"title" = EXCLUDED."title" RETURNING "shop_order"."id"'
        ),
        written_by("insert"),
    ),
    (
        (
            "INSERT INTO `shop_order` (`id`, `title`) VALUES (%s, %s) ON DUPLICATE KEY UPDATE "
            "`title` = VALUE(`title`) RETURNING `shop_order`.`id`"
        ),
        written_by("insert"),
    ),
    # What Django sends for save()
    (
        'UPDATE "shop_order" SET "title" = %s, "buyer_id" = %s WHERE "shop_order"."id" = %s',
        written_by("update", "buyer_id", "title"),
    ),
    # What Django sends for update(price=F("price") + 1)
    (
        'UPDATE "shop_order" SET "price" = (CAST(("shop_order"."price" + %s) AS NUMERIC))',
        written_by("update", "price"),
    ),
    (
        "UPDATE `shop_order` SET `title` = %s, `price` = (`shop_order`.`price` + %s)",
        written_by("update", "price", "title"),
    ),
    # update() of a filter over a join, of an ordered queryset, of a multi-table child
    (
        (
            'UPDATE "shop_order" SET "title" = %s WHERE "shop_order"."id" IN (SELECT "U0"."id" FROM '
            '"shop_order" "U0" INNER JOIN "shop_buyer" "U1" ON ("U0"."buyer_id" = "U1"."id") '
            'WHERE "U1"."name" = %s)'
        ),
        written_by("update", "title"),
    ),
    (
        "UPDATE `shop_order` SET `title` = %s ORDER BY `shop_order`.`title` ASC, `shop_order`.`id` ASC",
        written_by("update", "title"),
    ),
    # What Django sends for bulk_update()
    (
        (
            'UPDATE "shop_order" SET "title" = (CASE WHEN ("shop_order"."id" = %s) THEN %s ELSE NULL END)'
            '::varchar(100), "price" = CASE WHEN ("shop_order"."id" = %s) THEN %s WHEN '
            '("shop_order"."id" = %s) THEN %s ELSE NULL END WHERE "shop_order"."id" IN (%s, %s)'
        ),
        written_by("update", "price", "title"),
    ),
    # What Django sends for delete(), cascades, m2m remove(), and what MariaDB gets for a join
    ('DELETE FROM "shop_order" WHERE "shop_order"."id" IN (%s, %s)', written_by("delete")),
    (
        (
            "DELETE `shop_order` FROM `shop_order` INNER JOIN `shop_buyer` ON (`shop_order`.`buyer_id` = "
            "`shop_buyer`.`id`) WHERE `shop_buyer`.`name` = %s"
        ),
        written_by("delete"),
    ),
]

BY_HAND = [
    ("update shop_order set paid = true where id = 7", written_by("update", "paid")),
    ("\n    -- a note\n    /* and another */ Update Shop_Order Set Paid=1", written_by("update", "paid")),
    ('UPDATE "public"."shop_order" SET paid = 1', written_by("update", "paid")),
    ("UPDATE ONLY public . shop_order AS o SET paid = 1", written_by("update", "paid")),
    ("UPDATE OR REPLACE shop_order SET paid = 1", written_by("update", "paid")),
    ("UPDATE LOW_PRIORITY IGNORE shop_order SET paid = 1", written_by("update", "paid")),
    ("UPDATE [shop_order] SET [paid] = 1", written_by("update", "paid")),
    (
        "UPDATE shop_order SET (paid, title) = (1, 'x'), price = 2 RETURNING id, price",
        written_by("update", "paid", "price", "title"),
    ),
    (
        "UPDATE shop_order SET paid = b.paid FROM shop_buyer b, c JOIN d ON c.x = d.x WHERE b.y = 1",
        written_by("update", "paid"),
    ),
    (
        "UPDATE shop_order o INNER JOIN b ON o.x = b.y SET o.paid = b.paid, o.title = 1",
        written_by("update", "paid", "title"),
    ),
    (
        "UPDATE shop_order SET a = (SELECT max(b), c FROM d WHERE e = 1), f = 2",
        written_by("update", "a", "f"),
    ),
    ("UPDATE shop_order SET note = 'it''s, x = 1; DELETE FROM shop_order'", written_by("update", "note")),
    ("UPDATE shop_order SET a = b IS DISTINCT FROM c, d = 1", written_by("update", "a", "d")),
    ("REPLACE INTO shop_order VALUES (1)", written_by("insert")),
    ("INSERT INTO`shop_order`(`id`) VALUES (1)", written_by("insert")),
    ("MERGE INTO shop_order USING x ON (1 = 1) WHEN MATCHED THEN UPDATE SET a = 1", written_by("insert")),
    (
        "WITH gone AS (DELETE FROM ONLY shop_order RETURNING *) INSERT INTO archive SELECT * FROM gone",
        written_by("delete") + written_by("insert", table="archive"),
    ),
    (
        (
            "with paid as (select id from shop_buyer for update skip locked) "
            "update shop_order set paid = 1 where id in (select id from paid)"
        ),
        written_by("update", "paid"),
    ),
    (
        "WITH u AS (UPDATE shop_order SET paid = 1 RETURNING id, title) SELECT a, b FROM u WHERE c = 1",
        written_by("update", "paid"),
    ),
    (
        "DELETE FROM a; UPDATE shop_order SET paid = 1;",
        written_by("delete", table="a") + written_by("update", "paid"),
    ),
]

NO_WRITES = [
    'SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."id" = %s FOR UPDATE',
    "SELECT 'DELETE FROM shop_order'",
    "WITH a AS (SELECT 'x; UPDATE shop_order SET y = 1' FROM b FOR UPDATE) SELECT * FROM a",
    "WITH a AS (SELECT id FROM b) SELECT * FROM a FOR NO KEY UPDATE OF a",
    'CREATE TABLE "shop_order" ("id" integer REFERENCES "b" ON DELETE CASCADE ON UPDATE CASCADE)',
    'ALTER TABLE "shop_order" ADD COLUMN "x" integer',
    "BEGIN IMMEDIATE",
    "SAVEPOINT s1_x1",
    "PRAGMA foreign_keys = ON",
    "UPDATED shop_order SET x = 1",
    "DELETE FROMAGE",
    "",
]


@pytest.mark.parametrize(("sql", "expected"), FROM_DJANGO + BY_HAND)
def test_what_is_written(sql, expected):
    assert read(sql) == expected


@pytest.mark.parametrize("sql", NO_WRITES)
def test_what_writes_nothing(sql):
    assert read(sql) == []


@given(st.text())
def test_nothing_makes_it_raise(text):
    for sql in (text, f"WITH {text}", f"UPDATE a SET {text}", f"DELETE FROM {text}"):
        read(sql)
        savepoint(sql)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ('SAVEPOINT "s14_x1"', ("begin", "s14_x1")),
        ("SAVEPOINT `s14_x1`", ("begin", "s14_x1")),
        ('RELEASE SAVEPOINT "s14_x1"', ("release", "s14_x1")),
        ("ROLLBACK TO SAVEPOINT `s14_x1`", ("undo", "s14_x1")),
        ("release mine", ("release", "mine")),
        ("rollback work to mine;", ("undo", "mine")),
    ],
)
def test_what_happens_to_a_savepoint(sql, expected):
    assert savepoint(sql) == Savepoint(*expected)


@pytest.mark.parametrize("sql", ["ROLLBACK", "COMMIT", 'UPDATE "savepoint" SET "x" = 1', "SELECT 1"])
def test_what_is_about_no_savepoint(sql):
    assert savepoint(sql) is None


@pytest.mark.parametrize(
    "name", ["shop_order", '"shop_order"', '"Public"."Shop_Order"', 'public"."shop_order']
)
def test_tables_are_named_alike(name):
    assert bare(name) == "shop_order"
