#include "proxy/net/batch.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "proxy/net/poller.h"
#include "tests/proxy/syscalls.h"
#include "tests/support/sockets.h"

using namespace ringway;
using proxy::Batch;

namespace {

constexpr std::size_t bytes_per_read = 64;

class Owner final : public proxy::PollHandler {
    void on_ready(std::uint32_t /*events*/) override {}
};

bool kernel_refuses() {
    try {
        const Batch batch(bytes_per_read);
        return false;
    } catch (const std::system_error& error) {
        BOOST_TEST_MESSAGE("not run, the kernel refuses io_uring: " << error.what());
        return true;
    }
}

// Two streams, and an owner for each.
struct Fixture {
    std::unique_ptr<Batch> batch = std::make_unique<Batch>(bytes_per_read);
    std::vector<test::TcpPair> pairs;
    std::vector<std::unique_ptr<Owner>> owners;

    Fixture() {
        for (int i = 0; i < 2; ++i) {
            pairs.push_back(test::tcp_pair());
            test::set_blocking(pairs.back().near, false);
            owners.push_back(std::make_unique<Owner>());
        }
    }

    Batch::Slot& slot(std::size_t i) { return *batch->find(*owners[i]); }
    // What it has read goes to that stream.
    void begin_write(std::size_t i, std::size_t to) {
        const auto bytes = slot(i).bytes();
        BOOST_TEST(slot(i).begin_write(pairs[to].near.get(), bytes, bytes.size(), false));
    }
    void begin_reads() {
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            batch->begin_read(pairs[i].near.get(), *owners[i], bytes_per_read);
        }
    }
    void send(std::size_t i, std::string_view bytes) {
        test::send_all(pairs[i].far, bytes);
        BOOST_TEST(test::ready(pairs[i].near, POLLIN));
    }
    // What each stream sends comes back by the other.
    void cross() {
        send(0, "one");
        send(1, "another");
        begin_reads();
        BOOST_TEST(batch->run());
        BOOST_TEST(slot(0).is_read());
        BOOST_TEST(slot(0).bytes() == "one");
        BOOST_TEST(slot(1).bytes() == "another");
        begin_write(0, 1);
        begin_write(1, 0);
        BOOST_TEST(slot(0).is_pending());
        BOOST_TEST(batch->run());
        BOOST_TEST(slot(0).is_written());
        BOOST_TEST(slot(0).result().bytes() == 3U);
        BOOST_TEST(slot(1).result().bytes() == 7U);
        BOOST_TEST(test::receive(pairs[1].far, 3) == "one");
        BOOST_TEST(test::receive(pairs[0].far, 7) == "another");
        batch->clear();
        BOOST_TEST(!batch->run());
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(batch)

BOOST_AUTO_TEST_CASE(what_many_streams_bring_goes_on_in_two_calls) {
    if (kernel_refuses()) return;
    Fixture fixture;
    const auto before = test::syscalls::ring_calls.load();
    fixture.cross();
    BOOST_TEST(test::syscalls::ring_calls - before == 2U);
    fixture.cross();
    BOOST_TEST(fixture.batch->failure() == 0);
}

BOOST_AUTO_TEST_CASE(a_stream_without_bytes_its_end_and_a_broken_one_are_told_apart) {
    if (kernel_refuses()) return;
    Fixture fixture;
    fixture.begin_reads();
    fixture.batch->run();
    BOOST_TEST(fixture.slot(0).result().would_block());
    fixture.batch->clear();

    ::shutdown(fixture.pairs[0].far.get(), SHUT_WR);
    fixture.pairs[1].far.close_with_reset();
    for (const auto& pair : fixture.pairs) BOOST_TEST(test::ready(pair.near, POLLIN));
    fixture.begin_reads();
    fixture.batch->run();
    BOOST_TEST(fixture.slot(0).result().ended());
    BOOST_TEST(fixture.slot(1).result().error() == ECONNRESET);
}

BOOST_AUTO_TEST_CASE(a_reader_without_room_takes_a_part) {
    if (kernel_refuses()) return;
    Fixture fixture;
    fixture.pairs[1] = test::tcp_pair(4096, 4096);
    test::set_blocking(fixture.pairs[1].near, false);
    std::size_t written = 0;
    for (bool full = false; !full;) {
        fixture.send(0, std::string(bytes_per_read, 'x'));
        fixture.begin_reads();
        fixture.batch->run();
        const std::size_t size = fixture.slot(0).bytes().size();
        fixture.begin_write(0, 1);
        fixture.batch->run();
        const proxy::IoResult taken = fixture.slot(0).result();
        full = !taken.moved() || taken.bytes() < size;
        if (taken.moved()) written += taken.bytes();
        fixture.batch->clear();
    }
    BOOST_TEST(test::receive(fixture.pairs[1].far, written) == std::string(written, 'x'));
}

BOOST_AUTO_TEST_CASE(what_is_released_is_not_written) {
    if (kernel_refuses()) return;
    Fixture fixture;
    fixture.send(0, "one");
    fixture.send(1, "another");
    fixture.begin_reads();
    fixture.batch->run();
    fixture.begin_write(0, 1);
    fixture.begin_write(1, 0);
    fixture.slot(0).release();
    BOOST_TEST(fixture.batch->find(*fixture.owners[0]) == nullptr);
    BOOST_TEST(fixture.batch->run());
    BOOST_TEST(test::receive(fixture.pairs[0].far, 7) == "another");
    BOOST_TEST(!test::ready(fixture.pairs[1].far, POLLIN, std::chrono::milliseconds(0)));
}

BOOST_AUTO_TEST_CASE(more_streams_than_slots_are_left_to_calls_of_their_own) {
    if (kernel_refuses()) return;
    Fixture fixture;
    for (std::size_t i = 0; i < Batch::slot_count; ++i) {
        fixture.batch->begin_read(fixture.pairs[0].near.get(), *fixture.owners[0], bytes_per_read);
    }
    fixture.batch->begin_read(fixture.pairs[1].near.get(), *fixture.owners[1], bytes_per_read);
    BOOST_TEST(fixture.batch->find(*fixture.owners[1]) == nullptr);
}

BOOST_AUTO_TEST_CASE(sockets_are_closed_in_one_call_or_alone_where_the_ring_fails) {
    if (kernel_refuses()) return;
    for (const int error : {0, EINTR, ENOMEM}) {
        Fixture fixture;
        const std::size_t before = test::open_descriptors();
        const auto calls = test::syscalls::ring_calls.load();
        test::syscalls::ring_error_once = error;
        for (auto& pair : fixture.pairs) fixture.batch->begin_close(std::move(pair.near));
        BOOST_TEST(test::open_descriptors() == before);
        fixture.batch->close_all();
        for (const auto& pair : fixture.pairs) BOOST_TEST(test::receive(pair.far, 1).empty());
        BOOST_TEST(test::open_descriptors() == before - (error == ENOMEM ? 3 : 2));  // and the ring
        BOOST_TEST(test::syscalls::ring_calls - calls == (error == ENOMEM ? 0U : 1U));
        BOOST_TEST(fixture.batch->failure() == (error == ENOMEM ? ENOMEM : 0));
    }
}

BOOST_AUTO_TEST_CASE(more_sockets_than_go_into_one_call_are_closed_in_two) {
    if (kernel_refuses()) return;
    Fixture fixture;
    const std::size_t before = test::open_descriptors();
    const auto calls = test::syscalls::ring_calls.load();
    for (std::size_t i = 0; i < Batch::slot_count + 2; ++i) {
        fixture.batch->begin_close(proxy::Fd(::dup(fixture.pairs[0].near.get())));
    }
    fixture.batch->close_all();
    fixture.batch->close_all();
    BOOST_TEST(test::open_descriptors() == before);
    BOOST_TEST(test::syscalls::ring_calls - calls == 2U);
}

BOOST_AUTO_TEST_CASE(a_signal_changes_nothing) {
    if (kernel_refuses()) return;
    Fixture fixture;
    test::syscalls::ring_error_once = EINTR;
    fixture.cross();
    BOOST_TEST(fixture.batch->failure() == 0);
}

BOOST_AUTO_TEST_CASE(plain_calls_take_the_place_of_a_ring_that_fails) {
    if (kernel_refuses()) return;
    Fixture fixture;
    test::syscalls::ring_error_once = ENOMEM;
    fixture.cross();
    BOOST_TEST(fixture.batch->failure() == ENOMEM);
    fixture.cross();
}

BOOST_AUTO_TEST_CASE(a_kernel_that_refuses_is_told_of) {
    const test::syscalls::Refusal refusal(test::syscalls::ring_setup_error, EPERM);
    BOOST_CHECK_EXCEPTION(std::make_unique<Batch>(bytes_per_read), std::system_error,
                          [](const auto& error) { return error.code().value() == EPERM; });
}

BOOST_AUTO_TEST_SUITE_END()
