/* test_sched.c - the queue in front of an engine: order, limits, the share of clean-up. */
#include "engine/sched.h"
#include "tests/unit/test.h"

#include <string.h>

static struct loop *loop;
static struct sched *sched;
static char order[256]; /* the names of tickets as they got their turn */

struct named {
	struct sched_ticket ticket;
	char name;
};

static void on_turn(struct sched_ticket *t)
{
	size_t n = strlen(order);

	order[n] = container_of(t, struct named, ticket)->name;
	order[n + 1] = '\0';
}

static void enter(
	struct named *n, char name, enum sched_lane lane, enum engine_class class, int64_t session)
{
	struct engine_turn turn = {.class = class, .session = session};

	*n = (struct named){.name = name};
	assert_int_equal(sched_enter(sched, &n->ticket, lane, turn, on_turn, NULL), 0);
}

/* One turn of the loop: deferred work runs. */
static void turn(void)
{
	(void)loop_once(loop, false);
}

static void leave(struct named *n)
{
	sched_leave(sched, &n->ticket);
	turn();
}

static int setup(void **state)
{
	order[0] = '\0';
	if (loop_new(&loop, NULL, NULL) < 0)
		return -1;
	sched = sched_new(loop);
	return 0;
}

static int teardown(void **state)
{
	sched_free(sched);
	loop_free(loop);
	return 0;
}

static void no_turn_comes_inside_enter(void **state)
{
	struct named a;

	enter(&a, 'a', LANE_CONTAINER, CLASS_USER, 1);
	assert_string_equal(order, "");
	turn();
	assert_string_equal(order, "a");
	leave(&a);
}

static void limits_are_two_per_core_and_one_network(void **state)
{
	struct named c[5], n[2], i[2], s[5];

	sched_set_cores(sched, 2);
	for (int k = 0; k < 2; k++)
		enter(&n[k], 'n', LANE_NETWORK, CLASS_USER, 1);
	for (int k = 0; k < 2; k++)
		enter(&i[k], 'i', LANE_IMAGE, CLASS_USER, 1);
	for (int k = 0; k < 5; k++)
		enter(&c[k], 'c', LANE_CONTAINER, CLASS_USER, 2);
	for (int k = 0; k < 5; k++)
		enter(&s[k], 's', LANE_STOP, CLASS_STOP, 2);
	turn();
	/* one network and three containers are four; one image and four stops beside them */
	assert_int_equal(strlen(order), 9);
	assert_int_equal(sched_load(sched).running, 9);
	assert_int_equal(sched_load(sched).waiting, 5);
	assert_int_equal(sched_load(sched).limit, 4);
	order[0] = '\0';
	leave(&n[0]);
	assert_string_equal(order, "n");
	leave(&i[0]);
	assert_string_equal(order, "ni");
	leave(&c[0]);
	assert_string_equal(order, "nic");
	leave(&s[0]);
	assert_string_equal(order, "nics");
	for (int k = 1; k < 5; k++)
		leave(&c[k]);
	for (int k = 1; k < 5; k++)
		leave(&s[k]);
	leave(&n[1]);
	leave(&i[1]);
	assert_int_equal(sched_load(sched).running, 0);
	assert_int_equal(sched_load(sched).waiting, 0);
}

/* Fill the four slots of two cores, so that what follows has to queue. */
static void fill(struct named *busy)
{
	for (int k = 0; k < 4; k++)
		enter(&busy[k], '.', LANE_CONTAINER, CLASS_USER, 0);
	turn();
	order[0] = '\0';
}

static void class_goes_before_session_before_arrival(void **state)
{
	struct named busy[4], t[6];

	fill(busy);
	enter(&t[0], 'g', LANE_CONTAINER, CLASS_GC, 1);
	enter(&t[1], 'y', LANE_CONTAINER, CLASS_USER, 9);
	enter(&t[2], 'c', LANE_CONTAINER, CLASS_CHECK, 1);
	enter(&t[3], 'a', LANE_CONTAINER, CLASS_USER, 3);
	enter(&t[4], 'z', LANE_CONTAINER, CLASS_USER, 9);
	enter(&t[5], 'b', LANE_CONTAINER, CLASS_USER, 3);
	for (int k = 0; k < 4; k++)
		leave(&busy[k]);
	assert_string_equal(order, "abyz");
	leave(&t[3]);
	leave(&t[5]);
	assert_string_equal(order, "abyzcg");
	for (int k = 0; k < 3; k++)
		leave(&t[k]);
	leave(&t[4]);
}

static void clean_up_gets_one_turn_in_eight(void **state)
{
	struct named busy[4], users[20], low[2];

	fill(busy);
	for (int k = 0; k < 20; k++)
		enter(&users[k], 'u', LANE_CONTAINER, CLASS_USER, k);
	enter(&low[0], 'T', LANE_CONTAINER, CLASS_TEARDOWN, 1);
	enter(&low[1], 'G', LANE_CONTAINER, CLASS_GC, 1);
	for (int k = 0; k < 4; k++)
		leave(&busy[k]);
	for (int k = 0; k < 7; k++)
		leave(&users[k]);
	leave(&low[0]);
	for (int k = 7; k < 20; k++)
		leave(&users[k]);
	leave(&low[1]);
	assert_string_equal(order, "uuuuuuuTuuuuuuuGuuuuuu");
}

static void a_ticket_can_leave_the_queue(void **state)
{
	struct named busy[4], a, b;

	fill(busy);
	enter(&a, 'a', LANE_CONTAINER, CLASS_USER, 1);
	enter(&b, 'b', LANE_CONTAINER, CLASS_USER, 2);
	leave(&a);
	leave(&a); /* idle: nothing */
	leave(&busy[0]);
	assert_string_equal(order, "b");
	leave(&b);
	for (int k = 1; k < 4; k++)
		leave(&busy[k]);
}

static void a_busy_network_does_not_stop_containers(void **state)
{
	struct named n[2], c;

	enter(&n[0], 'n', LANE_NETWORK, CLASS_USER, 1);
	enter(&n[1], 'n', LANE_NETWORK, CLASS_USER, 1);
	enter(&c, 'c', LANE_CONTAINER, CLASS_GC, 9);
	turn();
	assert_string_equal(order, "nc");
	leave(&c);
	leave(&n[0]);
	leave(&n[1]);
}

static void the_queue_has_an_end(void **state)
{
	struct named *many = xcalloc(9000, sizeof(*many));
	struct engine_turn last = {.class = CLASS_GC};
	struct err e = ERR_NONE;
	size_t n = 0;

	while (n < 9000 &&
		sched_enter(sched, &many[n].ticket, LANE_NETWORK, last, on_turn, &e) == 0)
		n++;
	assert_int_equal(n, 8192);
	assert_int_equal(e.code, ERR_CAPACITY);
	assert_non_null(strstr(e.text, "try again later"));
	while (n-- > 0)
		sched_leave(sched, &many[n].ticket);
	turn();
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_turn_comes_inside_enter, setup, teardown),
		cmocka_unit_test_setup_teardown(
			limits_are_two_per_core_and_one_network, setup, teardown),
		cmocka_unit_test_setup_teardown(
			class_goes_before_session_before_arrival, setup, teardown),
		cmocka_unit_test_setup_teardown(clean_up_gets_one_turn_in_eight, setup, teardown),
		cmocka_unit_test_setup_teardown(a_ticket_can_leave_the_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_busy_network_does_not_stop_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(the_queue_has_an_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
