// The one way to fail: a function returns its value, or the reason why there is none. Values; any
// thread.
//
//     auto opened = open_log_target(name);
//     if (!opened) return Reason("no log: " + opened.error().text);
//     use(*opened);
//
// Which failures are values and which are exceptions: docs/decisions/0035-one-way-to-fail.md.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

namespace ringway {

// Why something failed, for people.
struct Reason {
    Reason() = default;
    explicit Reason(std::string why) : text(std::move(why)) {}
    std::string text;
};

// All reasons at once, a line each.
struct Reasons {
    std::vector<std::string> lines;
};

// A value, or an error where there is none: a Reason, or another type if the caller needs more than
// a text. Result<void> is for a function that has no value to return. error() of a success is
// empty.
template <class T, class E = Reason>
class [[nodiscard]] Result : public boost::system::result<T, E> {
    using Base = boost::system::result<T, E>;

public:
    Result() = default;  // a success, with T's default
    // NOLINTNEXTLINE(google-explicit-constructor): `return value;`
    Result(T value) : Base(Base::in_place_value, std::move(value)) {}
    // NOLINTNEXTLINE(google-explicit-constructor): `return Reason(...);`
    Result(E error) : Base(Base::in_place_error, std::move(error)) {}
};

template <class E>
class [[nodiscard]] Result<void, E> : public boost::system::result<void, E> {
    using Base = boost::system::result<void, E>;

public:
    Result() = default;  // a success
    // NOLINTNEXTLINE(google-explicit-constructor): `return Reason(...);`
    Result(E error) : Base(Base::in_place_error, std::move(error)) {}
};

// For value() of a Result without one, which is misuse.
[[noreturn]] inline void throw_exception_from_error(const Reason& reason,
                                                    const boost::source_location&) {
    throw std::logic_error(reason.text);
}

}  // namespace ringway
