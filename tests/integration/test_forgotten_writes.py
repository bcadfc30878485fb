"""The pytest plugin: a forgotten event fails the test, with the line that wrote."""

from tests.integration.shop import SERVICES, VIEWS, line_of

pytest_plugins = ["pytester"]


def test_a_forgotten_write_fails_the_test_with_its_line(run_pytest):
    result = run_pytest("def test_it(order): services.forget(order)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "a write to an audited model without an event",
            f"shop/services.py:{line_of(SERVICES, '.update(')}: update of shop.Order",
            '    Order.objects.filter(pk=order.pk).update(status="paid")',
            "Record what happened in the same transaction.atomic()*",
        ]
    )
    result.stdout.no_fnmatch_line("*traceback*")


def test_a_models_own_save_is_not_the_line_that_wrote(run_pytest):
    result = run_pytest("def test_it(order): services.forget_by_instance(order)")
    result.assert_outcomes(failed=1)
    number = line_of(SERVICES, "def forget_by_instance") + 2
    result.stdout.fnmatch_lines([f"shop/services.py:{number}: update of shop.Order", "    order.save()"])


def test_what_passes(run_pytest):
    run_pytest(
        """
        from factories import make_order

        def test_recorded(order):
            services.pay(order)

        def test_recorded_by_the_caller(order):
            with transaction.atomic():
                services.forget(order)
                record(OrderAction.PAID, target=order)

        @pytest.mark.django_db(transaction=True)
        def test_recorded_and_committed(order):
            services.pay(order)

        def test_rolled_back(order):
            with pytest.raises(ValueError):
                services.fail(order)

        def test_unaudited(order):
            services.tidy(order)

        @unaudited("here it is about something else")
        def test_unaudited_as_a_whole(order):
            services.forget(order)

        def test_arranged(order):
            order.delete()

        def test_made_by_a_factory(db):
            make_order()

        def test_without_a_database():
            pass
        """,
        factories="""
        from shop.models import Order

        def make_order():
            return Order.objects.create(status="made")
        """,
    ).assert_outcomes(passed=9)


def test_what_fails(run_pytest):
    result = run_pytest(
        """
        def test_another_transaction(order):
            services.forget(order)
            services.pay(order)

        @pytest.mark.django_db(transaction=True)
        def test_committed(order):
            services.forget_by_instance(order)

        @pytest.fixture
        def forgotten(order):
            services.forget(order)

        def test_in_a_fixture(forgotten):
            pass

        class ShopTest(TestCase):
            def test_in_a_test_case(self):
                services.forget(Order.objects.create())
        """
    )
    result.assert_outcomes(failed=4)
    assert str(result.stdout).count(": update of shop.Order") == 4


def test_a_view_without_a_line_of_its_own_is_named(run_pytest):
    result = run_pytest("def test_it(order, client): client.post(f'/{order.pk}/edit/', {'status': 'paid'})")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"shop/views.py:{line_of(VIEWS, 'class OrderUpdate')}: update of shop.Order",
            "    class OrderUpdate(UpdateView):",
        ]
    )


def test_a_view_that_calls_what_writes(run_pytest):
    result = run_pytest("def test_it(order, client): client.post(f'/{order.pk}/forget/')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"shop/services.py:{line_of(SERVICES, '.update(')}: update of shop.Order"])


def test_a_test_that_fails_by_itself_keeps_its_reason(run_pytest):
    result = run_pytest("def test_it(order):\n    services.forget(order)\n    assert order is None")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert order is None*"])
    result.stdout.no_fnmatch_line("*without an event*")


def test_nothing_is_carried_over_to_the_next_test(run_pytest):
    result = run_pytest(
        """
        @pytest.fixture
        def broken(order):
            services.forget(order)
            raise RuntimeError

        def test_broken(broken): pass
        def test_forgetful(order): services.forget(order)
        def test_innocent(order): services.pay(order)
        """
    )
    result.assert_outcomes(errors=1, failed=1, passed=1)


def test_a_project_without_the_library_is_left_alone(pytester, monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
