#!/bin/sh
# SPDX-License-Identifier: MIT
# cli_trace.sh - traces as users hand them over: good, bad, compressed, at recorded speed.
. "$(dirname "$0")/expect.sh"
bench=$1
cd "$scratch" || exit 1

replay()
{
	status=$1
	pattern=$2
	shift 2
	expect "$status" "$pattern" "$bench" run --smoke trace --trace "$@"
}

{
	echo '# offset_us,proto,src,src_port,dst,dst_port'
	awk 'BEGIN { for (i = 0; i < 900; i++)
		printf "%d,%s,10.0.%d.%d,%d,192.0.2.%d,53\n", i * 50, i % 3 ? "tcp" : "udp",
			i / 256, i % 256, 1024 + i, i % 5 }'
	echo '45000,icmp,2001:db8::1,0,2001:db8::2,0'
} >good.csv
replay 0 'good.csv, 901 read' good.csv --json trace.json
expect 0 '"trace_events": "901"' cat trace.json
expect 0 '"trace_file": "good.csv"' cat trace.json
gzip -k good.csv
replay 0 'good.csv.gz, 901 read' good.csv.gz
replay 0 'at 2 times recorded speed' good.csv --speed 2 --repeats 1 --impl pendmap,mutex

# The same event again while it is pended is a duplicate; a full table refuses.
{ for i in 1 2 3 4 5 6 7 8; do echo "$i,tcp,10.0.0.1,1,10.0.0.2,2"; done; } >same.csv
replay 0 '' same.csv --impl pendmap,mutex --json same.json
expect 0 '"duplicate": *[1-9]' cat same.json
replay 0 '' good.csv --sizes 64 --live 900 --impl pendmap,mutex --json full.json
expect 0 '"refused": *[1-9]' cat full.json

# Bad files.
replay 2 'missing.csv: No such file or directory' missing.csv
: >empty.csv
replay 2 'empty.csv: holds no event' empty.csv
sed '3s/53$/65536/; 7s/^[0-9]*/1/' good.csv >bad.csv
replay 2 'bad.csv:3: bad destination port (0-65535): "65536"' bad.csv
replay 2 'bad.csv:7: offset is lower than that of the event before: "1"' bad.csv
replay 2 '2 bad lines: refused' bad.csv --strict
replay 0 '899 read, 2 bad lines skipped' bad.csv --skip-bad-lines
head -c 2000 good.csv.gz >cut.csv.gz
replay 2 'cut.csv.gz: damaged or truncated gzip' cut.csv.gz
replay 2 'cut.csv.gz: damaged or truncated gzip' cut.csv.gz --skip-bad-lines
finish
