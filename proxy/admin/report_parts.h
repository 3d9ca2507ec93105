// What several reports are made of. Control thread only.
#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "conf/config.h"
#include "conf/result.h"

namespace ringway::proxy {

class Control;
struct Pool;

// The pool of this name, or that there is none.
Result<const Pool*> pool_of(const Control& control, const std::string& name);

// "source_ip", or "source_ip+header" for a composite.
std::string describe_key(const conf::KeySettings& key);

// {"match", "pool", "key"}
boost::json::object describe_route(const conf::ListenerRoute& route);

}  // namespace ringway::proxy
