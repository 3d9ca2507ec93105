// Changes that count on every replica of a fleet.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "proxy/admin/reports.h"
#include "proxy/control/control.h"

namespace ringway::proxy {

// Each returns once etcd has the change and this replica has heard of it, or a second later. Fails
// where this proxy is in no fleet, or the pool's servers do not come from etcd.

// Sets an administrator's word for a server, or takes it back (automatic).
boost::asio::awaitable<Report> say_to_fleet(Control& control, std::string pool, std::string id,
                                            AdminState word);
boost::asio::awaitable<Report> register_with_fleet(Control& control, std::string pool,
                                                   std::vector<Pools::Registration> servers);
boost::asio::awaitable<Report> unregister_with_fleet(Control& control, std::string pool,
                                                     std::string id);

// {"fleet": null} or what this replica knows of the others.
boost::json::object report_fleet(const Control& control);

}  // namespace ringway::proxy
