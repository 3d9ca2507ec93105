// Random histories of a NameBook, against a model that keeps all answers and works everything out
// from them again and again.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <boost/test/unit_test.hpp>

#include "proxy/names/name_book.h"
#include "tests/proxy/names/rig.h"
#include "tests/support/random.h"
#include "tests/support/sanitizer.h"

using namespace ringway;
using namespace ringway::test;
using proxy::Answer;
using proxy::NameBook;
using proxy::NoRecords;
using proxy::Question;
using proxy::Records;
using proxy::TimePoint;

namespace {

// A record by what identifies it, and whether it is kept: "10.0.0.1:0", "a:80*5".
using Usable = std::map<std::string, bool>;

bool is_v6(const std::string& text) {
    return text.starts_with('[');
}

std::set<std::string> texts_of(const Records& records) {
    std::set<std::string> texts;
    for (const auto& each : records.addresses) texts.insert(each.to_string());
    for (const auto& each : records.services)
        texts.insert(each.target + ':' + std::to_string(each.port));
    return texts;
}

struct Model {
    struct Given {
        TimePoint at;
        Answer answer;
    };
    struct Asked {
        std::vector<Given> answers;
        bool is_under_way = false;
    };

    // The last answer with records that says something of the record's family.
    static const Given* last_word(const Asked& asked, const std::string& record) {
        for (auto each = asked.answers.rbegin(); each != asked.answers.rend(); ++each) {
            if (!each->answer) continue;
            if (is_v6(record) ? each->answer->lacks_v6 : each->answer->lacks_v4) continue;
            return &*each;
        }
        return nullptr;
    }

    Usable usable(const Asked& asked, TimePoint now) const {
        std::map<std::string, TimePoint> seen;
        for (const auto& [at, answer] : asked.answers) {
            if (!answer) continue;
            for (const auto& text : texts_of(*answer)) seen[text] = at;
        }
        Usable all;
        for (const auto& [text, at] : seen) {
            const bool is_current = texts_of(*last_word(asked, text)->answer).contains(text);
            if (is_current || at + settings.keep_for > now) all[text] = !is_current;
        }
        return all;
    }

    TimePoint due(const Asked& asked) const {
        if (asked.answers.empty()) return TimePoint::min();
        conf::Duration wait = settings.min_ttl;
        int failures = 0;
        for (auto each = asked.answers.rbegin(); each != asked.answers.rend() && !each->answer;
             ++each)
            ++failures;
        if (failures == 0) wait = std::max<conf::Duration>(wait, asked.answers.back().answer->ttl);
        for (int i = 1; i < failures; ++i) wait = std::min(2 * wait, settings.max_ttl);
        return asked.answers.back().at + std::min(wait, settings.max_ttl);
    }

    conf::DnsSettings settings;
    std::map<Question, Asked> wanted;
};

struct History {
    explicit History(SeededRandom& seeded) : random_(seeded) {
        model_.settings.min_ttl = std::chrono::seconds(random_.between(1, 10));
        model_.settings.max_ttl = std::chrono::seconds(random_.between(10, 100));
        model_.settings.keep_for = std::chrono::seconds(random_.between(0, 60));
        book_.set(model_.settings);
    }

    void step() {
        switch (random_.below(4)) {
            case 0:
                want();
                break;
            case 1:
                pass_time();
                break;
            default:
                answer();
        }
        ask();
        check();
    }

private:
    void want() {
        std::set<Question> questions;
        for (const char* name : {"a", "b", "c"}) {
            if (!random_.one_in(4)) questions.insert(addresses_of(name));
            if (!random_.one_in(4)) questions.insert(services_of(name));
        }
        book_.want(questions);
        std::erase_if(model_.wanted,
                      [&](const auto& each) { return !questions.contains(each.first); });
        // What was under way stays so, under this name or for nobody.
        for (const auto& question : questions) {
            model_.wanted.try_emplace(question).first->second.is_under_way =
                under_way_.contains(question);
        }
    }

    // To a moment at random, or to the next at which something happens.
    void pass_time() {
        TimePoint to = now_ + std::chrono::milliseconds(random_.below(40'000));
        const TimePoint next = std::min(book_.next_due(), book_.next_expiry());
        if (random_.one_in(2) && next != TimePoint::max()) to = std::max(now_, next);
        std::set<Question> changed;
        for (const auto& [question, asked] : model_.wanted) {
            if (model_.usable(asked, now_) != model_.usable(asked, to)) changed.insert(question);
        }
        now_ = to;
        const auto expired = book_.expire(now_);
        BOOST_TEST((std::set<Question>(expired.begin(), expired.end()) == changed));
    }

    void ask() {
        std::set<Question> due;
        for (auto& [question, asked] : model_.wanted) {
            if (asked.is_under_way || model_.due(asked) > now_) continue;
            due.insert(question);
            asked.is_under_way = true;
            under_way_.insert(question);
        }
        const auto taken = book_.take_due(now_);
        BOOST_TEST((std::set<Question>(taken.begin(), taken.end()) == due));
    }

    Answer any_answer(const Question& question) {
        if (random_.one_in(3))
            return proxy::lookup_failure(static_cast<NoRecords>(random_.below(7)));
        Records records{.ttl = std::chrono::seconds(random_.below(150))};
        if (question.kind == Question::Kind::services) {
            for (std::uint16_t port = 1; port <= 3; ++port) {
                if (random_.one_in(2)) records.services.push_back({"s", port, 0, 0});
            }
            if (records.services.empty()) records.services.push_back({"t", 1, 0, 0});
            return records;
        }
        const std::size_t lacking = random_.below(6);
        records.lacks_v4 = lacking == 1;
        records.lacks_v6 = lacking == 2;
        for (const char* each : {"10.0.0.1", "10.0.0.2", "10.0.0.3"}) {
            if (!records.lacks_v4 && random_.one_in(2)) records.addresses.push_back(address(each));
        }
        for (const char* each : {"::1", "::2", "::3"}) {
            if (!records.lacks_v6 && random_.one_in(2)) records.addresses.push_back(address(each));
        }
        if (records.addresses.empty())
            records.addresses.push_back(address(records.lacks_v4 ? "::1" : "10.0.0.1"));
        return records;
    }

    void answer() {
        if (under_way_.empty()) return;
        const Question question = *std::next(
            under_way_.begin(), static_cast<std::ptrdiff_t>(random_.below(under_way_.size())));
        under_way_.erase(question);
        const Answer given = any_answer(question);
        const auto found = model_.wanted.find(question);
        bool is_changed = false;
        if (found != model_.wanted.end()) {
            auto& asked = found->second;
            const Usable before = model_.usable(asked, now_);
            asked.is_under_way = false;
            asked.answers.push_back({now_, given});
            is_changed = model_.usable(asked, now_) != before;
        }
        BOOST_TEST(book_.take(question, given, now_) == is_changed);
    }

    void check() const {
        BOOST_TEST(book_.size() == model_.wanted.size());
        TimePoint next = TimePoint::max();
        std::size_t unsettled = 0;
        for (const auto& [question, asked] : model_.wanted) {
            const proxy::Known* known = book_.find(question);
            BOOST_TEST_REQUIRE(known != nullptr);
            Usable used;
            for (const auto& each : known->addresses) used[each.record.to_string()] = each.is_kept;
            for (const auto& each : known->services)
                used[each.record.target + ':' + std::to_string(each.record.port)] = each.is_kept;
            const Usable expected = model_.usable(asked, now_);
            BOOST_TEST((used == expected), question.name << " has " << used.size() << " records of "
                                                         << expected.size());
            if (!asked.is_under_way) next = std::min(next, model_.due(asked));
            if (asked.answers.empty()) ++unsettled;
        }
        BOOST_TEST((book_.next_due() == next));
        BOOST_TEST(book_.unsettled() == unsettled);
    }

    SeededRandom& random_;
    Model model_;
    NameBook book_;
    std::set<Question> under_way_;
    TimePoint now_{};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(name_book_random)

BOOST_AUTO_TEST_CASE(random_histories_are_those_of_the_model) {
    SeededRandom random;
    for (int i = 0; i < (is_sanitized ? 30 : 150); ++i) {
        History history(random);
        for (int step = 0; step < 100; ++step) history.step();
    }
}

BOOST_AUTO_TEST_SUITE_END()
