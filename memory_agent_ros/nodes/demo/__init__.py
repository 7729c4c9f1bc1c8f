"""The demo: one story told over real ROS 2, from the first look to the report."""
