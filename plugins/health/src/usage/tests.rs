//! The engine of `health usage`, fed with objects.
