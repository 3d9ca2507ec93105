#define BOOST_TEST_MODULE conf
#include <boost/test/unit_test.hpp>
