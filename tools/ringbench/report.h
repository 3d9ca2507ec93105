// What was measured, for people and for programs.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace ringway::bench {

// One number. `servers` and `vnodes` are 0 where they do not apply.
struct Result {
    std::string name;
    std::string subject;  // who did it
    std::size_t servers;
    std::size_t vnodes;
    double value;
    std::string unit;
};

// A number that must not be less, or not be more, than its bar.
struct Bar {
    std::string name;
    double value;
    std::string unit;
    double bar;
    bool at_least;
    bool met() const { return at_least ? value >= bar : value <= bar; }
};

class Report {
public:
    void add(Result result);
    void add(Bar bar);
    // The value of a result that is there.
    double value(const std::string& name, const std::string& subject, std::size_t servers,
                 std::size_t vnodes) const;

    // One table a name: a line for each count of servers, a column for each subject.
    void print(std::ostream& out) const;
    void write_json(std::ostream& out) const;
    bool all_met() const;

private:
    void print_table(std::ostream& out, const std::string& name, std::size_t vnodes) const;

    std::vector<Result> results_;
    std::vector<Bar> bars_;
};

}  // namespace ringway::bench
