#define BOOST_TEST_MODULE ring
#include <boost/test/unit_test.hpp>
