/* SPDX-License-Identifier: MIT */
/*
 * sock_addr_names.c - what the program types, attach types and sections of the layers are called.
 *
 *	program type   layer             attach types, v4 and v6        section
 *	sock_addr      CONNECT_REDIRECT  upstream's INET4/6_CONNECT     cgroup/connect4, ...6
 *	               CONNECT           upstream's ..._AUTHORIZATION   cgroup/connect_authorization4
 *	               RECV_ACCEPT       upstream's ..._RECV_ACCEPT     cgroup/recv_accept4
 *	               LISTEN            ours                           cgroup/listen4
 *	               BIND              ours                           cgroup/bind4
 *	               DATAGRAM          ours                           cgroup/datagram4
 *	flow_classify  STREAM            ours                           flow_classify4
 *
 * Names never change: programs of other people were built with them. Bytes are in the order in
 * which a UUID is written.
 */
#include <stddef.h>
#include <sys/socket.h>

#include <pendmap/sock_addr.h>

#define SOCK_ADDR_BYTE(value, place) ((uint8_t)((value) >> (8 * (place))))
/* The five groups of a UUID. */
#define SOCK_ADDR_UUID(a, b, c, d, e)                                                             \
	{                                                                                         \
		{                                                                                 \
			SOCK_ADDR_BYTE(a, 3), SOCK_ADDR_BYTE(a, 2), SOCK_ADDR_BYTE(a, 1),         \
				SOCK_ADDR_BYTE(a, 0), SOCK_ADDR_BYTE(b, 1), SOCK_ADDR_BYTE(b, 0), \
				SOCK_ADDR_BYTE(c, 1), SOCK_ADDR_BYTE(c, 0), SOCK_ADDR_BYTE(d, 1), \
				SOCK_ADDR_BYTE(d, 0), SOCK_ADDR_BYTE(e, 5), SOCK_ADDR_BYTE(e, 4), \
				SOCK_ADDR_BYTE(e, 3), SOCK_ADDR_BYTE(e, 2), SOCK_ADDR_BYTE(e, 1), \
				SOCK_ADDR_BYTE(e, 0)                                              \
		}                                                                                 \
	}

struct sock_addr_name {
	struct pend_uuid attach_type;
	const char *section;
};

static const struct pend_uuid sock_addr_type =
	SOCK_ADDR_UUID(0x92ec8e39u, 0xaeecu, 0x11ecu, 0x9a30u, 0x18602489beeeull);
static const struct pend_uuid sock_addr_flow_type =
	SOCK_ADDR_UUID(0x03273272u, 0x210au, 0x4268u, 0x9ee2u, 0x6baee251c2fbull);

static const struct sock_addr_name sock_addr_names[PEND_LAYERS][2] = {
	[PEND_LAYER_CONNECT_REDIRECT] = {
		{ SOCK_ADDR_UUID(0xa82e37b1u, 0xaee7u, 0x11ecu, 0x9a30u, 0x18602489beeeull),
		  "cgroup/connect4" },
		{ SOCK_ADDR_UUID(0xa82e37b2u, 0xaee7u, 0x11ecu, 0x9a30u, 0x18602489beeeull),
		  "cgroup/connect6" },
	},
	[PEND_LAYER_CONNECT] = {
		{ SOCK_ADDR_UUID(0x6076c13au, 0xf04fu, 0x4ff8u, 0x8380u, 0x908553f22276ull),
		  "cgroup/connect_authorization4" },
		{ SOCK_ADDR_UUID(0x54b0b6edu, 0x432au, 0x4674u, 0x8b27u, 0x8d9f5b40c675ull),
		  "cgroup/connect_authorization6" },
	},
	[PEND_LAYER_RECV_ACCEPT] = {
		{ SOCK_ADDR_UUID(0xa82e37b3u, 0xaee7u, 0x11ecu, 0x9a30u, 0x18602489beeeull),
		  "cgroup/recv_accept4" },
		{ SOCK_ADDR_UUID(0xa82e37b4u, 0xaee7u, 0x11ecu, 0x9a30u, 0x18602489beeeull),
		  "cgroup/recv_accept6" },
	},
	[PEND_LAYER_LISTEN] = {
		{ SOCK_ADDR_UUID(0x960058d2u, 0xa55au, 0x4f69u, 0x9547u, 0xfca0934b73e8ull),
		  "cgroup/listen4" },
		{ SOCK_ADDR_UUID(0x62f0cad9u, 0x3f5cu, 0x4362u, 0x98deu, 0xb91511227871ull),
		  "cgroup/listen6" },
	},
	[PEND_LAYER_BIND] = {
		{ SOCK_ADDR_UUID(0x015043edu, 0x158du, 0x4660u, 0x9653u, 0xff739dda2f42ull),
		  "cgroup/bind4" },
		{ SOCK_ADDR_UUID(0xf827c7c9u, 0xa40bu, 0x47a6u, 0xad34u, 0xb831e277c18aull),
		  "cgroup/bind6" },
	},
	[PEND_LAYER_DATAGRAM] = {
		{ SOCK_ADDR_UUID(0xae3fe560u, 0xd3c9u, 0x471bu, 0xb85bu, 0xf68147cf8202ull),
		  "cgroup/datagram4" },
		{ SOCK_ADDR_UUID(0xc76e3f1au, 0x4801u, 0x45e3u, 0x82bcu, 0x06d205d20ca9ull),
		  "cgroup/datagram6" },
	},
	[PEND_LAYER_STREAM] = {
		{ SOCK_ADDR_UUID(0x4714e1fau, 0x3306u, 0x41dfu, 0xa12du, 0xc37f4fbf7d2bull),
		  "flow_classify4" },
		{ SOCK_ADDR_UUID(0xeeb6e917u, 0x79aau, 0x4b49u, 0x9540u, 0x4f4a4a98e29eull),
		  "flow_classify6" },
	},
};

static const struct sock_addr_name *sock_addr_name(enum pend_layer layer, int family)
{
	if ((uint32_t)layer >= PEND_LAYERS || (family != AF_INET && family != AF_INET6))
		return NULL;
	return &sock_addr_names[layer][family == AF_INET6];
}

const struct pend_uuid *pend_sock_addr_type(void)
{
	return &sock_addr_type;
}

const struct pend_uuid *pend_flow_classify_type(void)
{
	return &sock_addr_flow_type;
}

const struct pend_uuid *pend_layer_attach_type(enum pend_layer layer, int family)
{
	const struct sock_addr_name *name = sock_addr_name(layer, family);

	return name ? &name->attach_type : NULL;
}

const char *pend_layer_section(enum pend_layer layer, int family)
{
	const struct sock_addr_name *name = sock_addr_name(layer, family);

	return name ? name->section : NULL;
}

#undef SOCK_ADDR_UUID
#undef SOCK_ADDR_BYTE
