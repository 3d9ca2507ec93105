// What control knows, as JSON: the answers of the admin socket and of the HTTP
// endpoint alike. Control thread only.
#pragma once

#include <cstddef>
#include <string>

#include <boost/json/object.hpp>

namespace ringway::proxy {

class Control;

// Thrown where a question has no answer; its text says why, fit for a terminal.
struct Refused {
    std::string reason;
};

// The whole proxy: configuration, listeners, pools.
boost::json::object report_status(const Control& control);
boost::json::object report_log(const Control& control);

// The servers of one pool, or of all where `only` is nullptr.
boost::json::object report_servers(const Control& control, const std::string* only);

// After a change: the shares of a ring that is still to be published are not worked out.
boost::json::object report_change(const Control& control, const std::string& pool,
                                  const std::string& id);
boost::json::object report_server(const Control& control, const std::string& pool,
                                  const std::string& id);

// The circle of a pool: shares, points, and who owns each of 1,440 equal slices.
boost::json::object report_ring(const Control& control, const std::string& pool);

// The last `count` events, newest last.
boost::json::object report_events(const Control& control, std::size_t count);

// What was said of servers at run time, whether their pools are there or not.
boost::json::object report_overrides(const Control& control);

// Where a key goes now, and why not to the servers before.
boost::json::object report_explain(const Control& control, const std::string& pool,
                                   const std::string& key);

}  // namespace ringway::proxy
