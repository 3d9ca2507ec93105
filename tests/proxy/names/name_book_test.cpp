// What is known of names, by a manual clock.
#include "proxy/names/name_book.h"

#include <boost/test/unit_test.hpp>

#include "tests/proxy/names/rig.h"

using namespace ringway;
using namespace ringway::test;
using proxy::Answer;
using proxy::NameBook;
using proxy::NoRecords;
using proxy::Question;
using proxy::Records;
using proxy::Service;
using proxy::TimePoint;

namespace {

using Names = std::vector<std::string>;

struct Book {
    Book() {
        settings.min_ttl = 5s;
        settings.max_ttl = 300s;
        settings.keep_for = 60s;
        book.set(settings);
        book.want({question});
    }

    static Answer records(const Names& addresses, std::chrono::seconds ttl = 30s) {
        Records all{.ttl = ttl};
        for (const auto& each : addresses) all.addresses.push_back(address(each));
        return all;
    }
    static Answer failed(NoRecords reason = NoRecords::no_such_name) {
        return proxy::lookup_failure(reason);
    }

    bool take(const Answer& answer) {
        book.take_due(now);
        return book.take(question, answer, now);
    }
    // Those that are used; kept ones in brackets.
    std::string used() const {
        std::string all;
        for (const auto& each : book.find(question)->addresses) {
            std::string text = each.record.to_string();
            text.resize(text.rfind(':'));
            all += (all.empty() ? "" : " ") + (each.is_kept ? '(' + text + ')' : text);
        }
        for (const auto& each : book.find(question)->services) {
            const Service& service = each.record;
            all += (all.empty() ? "" : " ") +
                   (each.is_kept ? '(' + service.target + ')' : service.target) + '*' +
                   std::to_string(service.weight);
        }
        return all;
    }
    std::chrono::milliseconds until_due() const {
        return std::chrono::duration_cast<std::chrono::milliseconds>(book.next_due() - now);
    }

    conf::DnsSettings settings;
    Question question = addresses_of("a.example");
    NameBook book;
    TimePoint now{};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(name_book, Book)

BOOST_AUTO_TEST_CASE(a_new_question_is_due_at_once_and_asked_once) {
    BOOST_TEST((book.next_due() == TimePoint::min()));
    BOOST_TEST((book.take_due(now) == std::vector{question}));
    BOOST_TEST((book.next_due() == TimePoint::max()));
    BOOST_TEST(book.take_due(now + 1h).empty());
    BOOST_TEST(book.unsettled() == 1U);
}

BOOST_AUTO_TEST_CASE(the_ttl_counts_within_its_bounds) {
    take(records({"10.0.0.1"}, 30s));
    BOOST_TEST((until_due() == 30s));
    now += 30s;
    take(records({"10.0.0.1"}, 0s));
    BOOST_TEST((until_due() == 5s));
    now += 5s;
    take(records({"10.0.0.1"}, 2'147'483'647s));
    BOOST_TEST((until_due() == 300s));
    BOOST_TEST(book.unsettled() == 0U);
}

BOOST_AUTO_TEST_CASE(failures_double_the_time_until_it_is_asked_again) {
    for (const auto wait : {5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
        BOOST_TEST(!take(failed()));
        BOOST_TEST((until_due() == wait));
        now += wait;
    }
    take(records({"10.0.0.1"}));
    BOOST_TEST((until_due() == 30s));
    now += 30s;
    take(failed());
    BOOST_TEST((until_due() == 5s));
    BOOST_TEST(book.find(question)->counts.failed.at(0) == 9U);
    BOOST_TEST(book.counts().with_records == 1U);
}

BOOST_AUTO_TEST_CASE(a_lost_record_is_kept_from_the_last_answer_that_had_it) {
    BOOST_TEST(take(records({"10.0.0.1", "10.0.0.2"})));
    BOOST_TEST(!take(records({"10.0.0.1", "10.0.0.2"})));
    now += 30s;
    BOOST_TEST(take(records({"10.0.0.2"})));
    BOOST_TEST(used() == "(10.0.0.1) 10.0.0.2");
    BOOST_TEST((book.next_expiry() == now + 30s));
    now += 30s;
    BOOST_TEST((book.expire(now - 1ms).empty()));
    BOOST_TEST((book.expire(now) == std::vector{question}));
    BOOST_TEST(used() == "10.0.0.2");
    BOOST_TEST((book.find(question)->changed_at == now));
    BOOST_TEST((book.next_expiry() == TimePoint::max()));
}

BOOST_AUTO_TEST_CASE(a_lost_record_that_returns_goes_on) {
    take(records({"10.0.0.1", "10.0.0.2"}));
    now += 30s;
    take(records({"10.0.0.2"}));
    BOOST_TEST(take(records({"10.0.0.1", "10.0.0.2"})));
    BOOST_TEST((book.next_expiry() == TimePoint::max()));
    BOOST_TEST(used() == "10.0.0.1 10.0.0.2");
}

BOOST_AUTO_TEST_CASE(no_failure_takes_anything_away) {
    take(records({"10.0.0.1", "10.0.0.2"}));
    for (int i = 0; i < 10; ++i) {
        now += 400s;
        BOOST_TEST(!take(failed(i % 2 == 0 ? NoRecords::no_such_name : NoRecords::timed_out)));
        BOOST_TEST(book.expire(now).empty());
    }
    BOOST_TEST(used() == "10.0.0.1 10.0.0.2");
    BOOST_TEST(book.find(question)->failure->text == "no nameserver answered in time");
    BOOST_TEST((book.find(question)->answered_at == TimePoint{}));
    // It has been gone for longer than it is kept.
    BOOST_TEST(take(records({"10.0.0.1"})));
    BOOST_TEST(used() == "10.0.0.1");
    BOOST_TEST(!book.find(question)->failure);
}

BOOST_AUTO_TEST_CASE(what_an_answer_lacks_goes_at_its_time_also_during_failures) {
    take(records({"10.0.0.1", "10.0.0.2"}));
    now += 30s;
    take(records({"10.0.0.1"}));
    now += 29s;
    take(failed());
    now += 1s;
    BOOST_TEST(book.expire(now).size() == 1U);
    BOOST_TEST(used() == "10.0.0.1");
    now += 1h;
    BOOST_TEST(book.expire(now).empty());
    BOOST_TEST(used() == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(an_answer_without_one_family_says_nothing_of_it) {
    take(records({"10.0.0.1", "10.0.0.2", "2001:db8::1"}));
    now += 400s;
    Records half{.addresses = {address("10.0.0.1")}, .ttl = 30s, .lacks_v6 = true};
    BOOST_TEST(take(half));
    BOOST_TEST(used() == "10.0.0.1 [2001:db8::1]");
    BOOST_TEST((pick(*book.find(question), address("2001:db8::1")) == address("2001:db8::1")));
    now += 400s;
    BOOST_TEST(!take(half));
    BOOST_TEST(book.expire(now).empty());
    half.lacks_v6 = false;
    BOOST_TEST(take(half));
    BOOST_TEST(used() == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_server_stays_at_its_address_while_the_last_answer_has_it) {
    using Endpoint = conf::Endpoint;
    const auto picked = [this](const std::optional<Endpoint>& current) {
        return pick(*book.find(question), current);
    };
    BOOST_TEST(!picked(std::nullopt));
    BOOST_TEST(!picked(address("10.0.0.1")));
    take(records({"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
    BOOST_TEST((picked(std::nullopt) == address("10.0.0.1")));
    Endpoint current = address("10.0.0.2");
    current.port = 80;
    BOOST_TEST((picked(current) == address("10.0.0.2")));
    BOOST_TEST((picked(address("10.0.0.9")) == address("10.0.0.1")));
    // Kept ones are for those who cannot move.
    take(records({"10.0.0.3"}));
    BOOST_TEST(used() == "(10.0.0.1) (10.0.0.2) 10.0.0.3");
    BOOST_TEST((picked(current) == address("10.0.0.3")));
    now += 1h;
    take(failed());
    BOOST_TEST((picked(address("10.0.0.3")) == address("10.0.0.3")));
}

BOOST_AUTO_TEST_CASE(a_service_with_another_weight_is_the_same_service) {
    question = services_of("_a._tcp.example");
    book.want({question});
    const auto services = [](std::vector<Service> all) {
        return Answer(Records{.services = std::move(all), .ttl = 30s});
    };
    take(services({{"a", 1, 0, 5}, {"b", 1, 0, 5}}));
    BOOST_TEST(take(services({{"a", 1, 0, 7}, {"b", 1, 0, 5}})));
    BOOST_TEST(used() == "a*7 b*5");
    BOOST_TEST(take(services({{"b", 1, 0, 5}})));
    BOOST_TEST(used() == "(a)*7 b*5");
    BOOST_TEST(take(services({{"a", 1, 0, 2}, {"a", 1, 1, 1}, {"b", 1, 0, 5}})));
    BOOST_TEST(used() == "a*2 b*5");
}

BOOST_AUTO_TEST_CASE(few_are_under_way_at_once) {
    std::set<Question> many;
    for (int i = 0; i < 100; ++i) many.insert(addresses_of("n" + std::to_string(i)));
    book.want(many);
    const auto first = book.take_due(now);
    BOOST_TEST(first.size() == NameBook::under_way_max);
    BOOST_TEST((book.next_due() == TimePoint::max()));
    BOOST_TEST(book.take_due(now).empty());
    book.take(first.front(), failed(), now);
    BOOST_TEST(book.take_due(now).size() == 1U);
    for (std::size_t i = 1; i < first.size(); ++i) book.take(first[i], failed(), now);
    // Those that have never been asked come before those that are due again.
    const auto rest = book.take_due(now + 5s);
    BOOST_TEST(rest.size() == 63U);
    for (std::size_t i = 0; i < 35; ++i) {
        BOOST_TEST((std::ranges::count(first, rest[i]) == 0));
    }
}

BOOST_AUTO_TEST_CASE(questions_under_way_count_also_when_nobody_wants_them_any_more) {
    book.take_due(now);
    book.want({});
    BOOST_TEST(book.unsettled() == 0U);
    book.want({question});
    BOOST_TEST(book.take_due(now).empty());
    BOOST_TEST(book.unsettled() == 1U);
    BOOST_TEST(book.take(question, records({"10.0.0.1"}), now));
    book.want({});
    BOOST_TEST(!book.take(question, records({"10.0.0.2"}), now));
    BOOST_TEST(book.find(question) == nullptr);
    BOOST_TEST((book.next_due() == TimePoint::max()));
}

BOOST_AUTO_TEST_CASE(what_stays_wanted_keeps_all_that_is_known) {
    take(records({"10.0.0.1"}));
    book.want({question, addresses_of("b.example")});
    BOOST_TEST(used() == "10.0.0.1");
    BOOST_TEST(book.unsettled() == 1U);
    BOOST_TEST(book.size() == 2U);
    book.want({addresses_of("b.example")});
    book.want({question});
    BOOST_TEST(used().empty());
}

BOOST_AUTO_TEST_CASE(a_question_fails_from_a_failure_until_an_answer_with_records) {
    BOOST_TEST(book.failing() == 0U);
    take(failed());
    BOOST_TEST(book.failing() == 1U);
    take(records({"10.0.0.1"}));
    BOOST_TEST(book.failing() == 0U);
}

BOOST_AUTO_TEST_CASE(changed_bounds_count_at_once) {
    take(records({"10.0.0.1", "10.0.0.2"}, 100s));
    now += 10s;
    take(records({"10.0.0.1"}, 100s));
    settings.max_ttl = 20s;
    settings.keep_for = 30s;
    book.set(settings);
    BOOST_TEST((until_due() == 20s));
    BOOST_TEST((book.next_expiry() == now + 20s));
}

BOOST_AUTO_TEST_CASE(other_nameservers_are_asked_at_once) {
    take(records({"10.0.0.1", "10.0.0.2"}));
    take(records({"10.0.0.1"}));
    now += 1s;
    settings.nameservers = {address("10.0.0.53")};
    book.set(settings);
    now += 60s;
    BOOST_TEST(book.expire(now).size() == 1U);
    BOOST_TEST((book.next_due() == TimePoint::min()));
    book.set(settings);
    BOOST_TEST(book.take_due(now).size() == 1U);
    book.take(question, records({"10.0.0.1"}), now);
    BOOST_TEST((until_due() == 30s));
}

BOOST_AUTO_TEST_SUITE_END()
