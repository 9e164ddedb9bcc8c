// For C++ by its name: not even tried.
#include <memory>
