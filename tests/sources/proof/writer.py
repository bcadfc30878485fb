"""One writer: ``python -m tests.sources.proof.writer NUMBER CHANGES SEED``; notes each change with it."""

import random
import sys
from contextlib import nullcontext, suppress

import django
from django.db import connection, transaction

ROLLED_BACK = 0.1
"""The share of transactions; as large a part of the others takes back a savepoint."""


class TakenBack(Exception):
    pass


class Writer:
    def __init__(self, number, model, chance):
        from tests.sources.proof.deeds.models import Note

        self.number, self.model, self.note = number, model, Note
        self.chance = chance
        self.committed = self.rolled_back = self.made = 0

    def transaction(self):
        """Some changes that belong together, or none of them."""
        made_before = self.made
        with suppress(TakenBack), transaction.atomic():
            for _ in range(self.chance.choice((1, 1, 1, 2, 3))):
                self.change()
                if self.chance.random() < ROLLED_BACK:
                    self.take_back(self.change)
            if self.chance.random() < ROLLED_BACK:
                raise TakenBack
            self.committed += self.made - made_before
            return
        self.rolled_back += self.made - made_before
        self.made = made_before

    def take_back(self, change):
        made_before = self.made
        with suppress(TakenBack), transaction.atomic():
            change()
            raise TakenBack
        self.rolled_back += self.made - made_before
        self.made = made_before

    def change(self):
        from notifyaudit import audit_context

        actor = f"writer {self.number}" if self.chance.random() < 0.5 else ""
        with audit_context(actor=actor) if actor else nullcontext():
            self.chance.choice(
                (self.create, self.create_many, self.save, self.update, self.update_by_hand, self.delete)
            )(actor)

    def create(self, actor):
        thing = self.model.objects.create(stamp=self.stamp())
        self.noted("created", [(thing.pk, thing.stamp)], actor)

    def create_many(self, actor):
        things = self.model.objects.bulk_create([self.model(stamp=self.stamp()) for _ in range(8)])
        self.noted("created", [(thing.pk, thing.stamp) for thing in things], actor)

    def save(self, actor):
        for thing in self.some(1):
            thing.stamp = self.stamp()
            thing.save()
            self.noted("updated", [(thing.pk, thing.stamp)], actor)

    def update(self, actor):
        stamp = self.stamp()
        keys = [thing.pk for thing in self.some(20)]
        self.model.objects.filter(pk__in=keys).update(stamp=stamp)
        self.noted("updated", [(key, stamp) for key in keys], actor)

    def update_by_hand(self, actor):
        stamp = self.stamp()
        keys = [thing.pk for thing in self.some(10)]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {self.model._meta.db_table} SET stamp = %s WHERE id = ANY(%s) RETURNING id",
                [stamp, keys],
            )
            self.noted("updated", [(key, stamp) for (key,) in cursor.fetchall()], actor)

    def delete(self, actor):
        things = self.some(2)
        self.model.objects.filter(pk__in=[thing.pk for thing in things]).delete()
        self.noted("deleted", [(thing.pk, thing.stamp) for thing in things], actor)

    def some(self, number):
        """Things of all writers, locked; those that another has in hand are left to it."""
        rows = self.model.objects.select_for_update(skip_locked=True)
        offset = self.chance.randrange(50)
        return list(rows.order_by("pk")[offset : offset + number])

    def stamp(self):
        self.made_stamps = getattr(self, "made_stamps", 0) + 1
        return f"{self.number}-{self.model.__name__}-{self.made_stamps}"

    def noted(self, kind, changes, actor):
        self.note.objects.bulk_create(
            self.note(model=self.model.__name__, thing=key, kind=kind, stamp=stamp, actor=actor)
            for key, stamp in changes
        )
        self.made += len(changes)


def main(number, changes, seed):
    django.setup()
    from tests.sources.proof.deeds.models import Audited, Evented

    chance = random.Random(f"{seed}-{number}")
    writers = [Writer(number, model, chance) for model in (Evented, Audited)]
    while unfinished := [writer for writer in writers if writer.committed < changes]:
        chance.choice(unfinished).transaction()
    print(*(writer.rolled_back for writer in writers))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
