"""What a client in Python offers to the checks.

An adapter has: assignors, null_headers, deletes_offsets; create, delete, topics, partitions, add_partitions; configs, alter; groups, describe_group, delete_group;
offsets, alter_offsets, delete_offset; offset_for, delete_records; cluster, partitions_in_log_dirs; producer, reader, consumer; and
code(exception), Kafka's number for an error.
"""

from collections import namedtuple

Record = namedtuple("Record", "topic partition offset timestamp key value headers")
Group = namedtuple("Group", "state assignor members")
GroupMember = namedtuple("GroupMember", "client_id host partitions")
Cluster = namedtuple("Cluster", "controller brokers cluster_id")
