// Package api answers Kafka's requests: one file per API, which translates the request, asks the domain that decides, and translates back.
package api

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"ottla.dev/ottla/internal/clock"
	"ottla.dev/ottla/internal/config"
	controller "ottla.dev/ottla/internal/controller/run"
	"ottla.dev/ottla/internal/coordinator/group"
	"ottla.dev/ottla/internal/coordinator/group/service"
	txnservice "ottla.dev/ottla/internal/coordinator/txn/service"
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/network"
	"ottla.dev/ottla/internal/protocol"
	"ottla.dev/ottla/internal/replica/run"
	"ottla.dev/ottla/internal/storage"
)

// Deps are the domains that the requests are about.
type Deps struct {
	Logger     *slog.Logger
	Clock      clock.Clock
	Config     *config.Live
	NodeID     int32
	Replicas   *run.Manager
	Logs       *storage.Manager
	Controller *controller.Run
	Groups     *service.Service
	// Transactions is the coordinator of the transactional ids that this broker leads. Verifier finds the one of any id.
	Transactions *txnservice.Service
	Verifier     TransactionVerifier
	Markers      *Markers
	ProducerIDs  *ProducerIDs
	LogLevel     *slog.LevelVar  // of Logger, to be changed at run time; nil: it cannot be
	Context      context.Context // ends with the node
}

// Server answers requests.
type Server struct {
	Deps
	sessions *sessionCache
	refusals logLimiter
}

// New returns a server over the domains.
func New(d Deps) *Server {
	return &Server{Deps: d, sessions: newSessionCache(d.Config.Snapshot().Int("max.incremental.fetch.session.cache.slots"))}
}

// call is one request that kmsg decodes.
type call struct {
	server  *Server
	request *network.Request
	version int16
}

func (c *call) image() *metadata.Image { return c.server.Controller.Image() }

func (c *call) config() *config.Snapshot { return c.server.Config.Snapshot() }

func (c *call) context() context.Context { return c.server.Context }

func (c *call) groupContext() group.RequestContext {
	return group.RequestContext{ClientID: c.request.Header.ClientID, ClientHost: "/" + c.request.Conn.RemoteHost()}
}

// reply answers with a kmsg response in the request's version.
func (c *call) reply(resp kmsg.Response) {
	c.replyVersion(resp, c.version)
}

func (c *call) replyVersion(resp kmsg.Response, version int16) {
	resp.SetVersion(version)
	buf := network.GetBuffer(0)
	buf.B = append(buf.B, 0, 0, 0, 0)
	buf.B = protocol.AppendResponseHeader(buf.B, c.request.Header.Key, c.version, c.request.Header.CorrelationID)
	buf.B = resp.AppendTo(buf.B)
	binary.BigEndian.PutUint32(buf.B, uint32(len(buf.B)-4))
	c.request.Respond(network.Bytes{Buffer: buf})
}

// firstVersionWithTopicIDs is that of Produce and Fetch which names topics by their ids only (KIP-516).
const firstVersionWithTopicIDs = 13

// topic finds the topic of a Produce or Fetch request; nil: there is none here, and the code says so.
func (s *Server) topic(version int16, name []byte, id [16]byte) (*run.Topic, protocol.Code) {
	if version >= firstVersionWithTopicIDs {
		return s.Replicas.TopicByID(id), protocol.UnknownTopicID
	}
	return s.Replicas.TopicByName(name), protocol.UnknownTopicOrPartition
}

// Handle implements network.Handler.
func (s *Server) Handle(r *network.Request) {
	h := r.Header
	switch h.Key {
	case protocol.KeyProduce:
		if h.Version <= 13 && h.Version >= 0 {
			s.produce(r)
			return
		}
	case protocol.KeyFetch:
		if h.Version >= 4 && h.Version <= 18 {
			s.fetch(r)
			return
		}
	}
	c := &call{server: s, request: r, version: h.Version}
	a, served := protocol.Lookup(h.Key)
	if h.Key == protocol.KeyAPIVersions && !a.Serves(h.Version) {
		c.unsupportedAPIVersions()
		return
	}
	if !served || !a.Serves(h.Version) {
		r.Close(fmt.Sprintf("a request with API key %d version %d, which is not served (%s)", h.Key, h.Version, a.Name))
		return
	}
	if len(r.Body) > maxDecodedBytes {
		r.Close(fmt.Sprintf("a %s request of %d bytes; requests other than Produce may have %d", a.Name, len(r.Body), maxDecodedBytes))
		return
	}
	req := kmsg.RequestForKey(h.Key)
	req.SetVersion(h.Version)
	err := protocol.CheckRequest(h.Key, h.Version, r.Body)
	if err == nil {
		err = readRequest(req, r.Body)
	}
	if err != nil {
		r.Close(fmt.Sprintf("a %s request of version %d that does not decode: %v", a.Name, h.Version, err))
		return
	}
	c.dispatch(req)
}

// maxDecodedBytes bounds the requests that are decoded into structures: an array of empty elements grows a hundredfold by that, so the
// frames that carry records may be much larger than the ones that carry names. The largest real ones, assignments of groups with
// thousands of members, stay far below.
const maxDecodedBytes = 16 << 20

// readRequest decodes with kmsg, which must not bring the node down whatever the bytes are.
func readRequest(req kmsg.Request, body []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the decoder failed: %v", p)
		}
	}()
	return req.ReadFrom(body)
}

// dispatch is the list of the APIs. Those that answer later call reply themselves.
func (c *call) dispatch(request kmsg.Request) {
	switch req := request.(type) {
	case *kmsg.ApiVersionsRequest:
		c.reply(c.apiVersions(req))
	case *kmsg.MetadataRequest:
		c.reply(c.metadata(req))
	case *kmsg.ListOffsetsRequest:
		c.reply(c.listOffsets(req))
	case *kmsg.OffsetForLeaderEpochRequest:
		c.reply(c.offsetForLeaderEpoch(req))
	case *kmsg.DeleteRecordsRequest:
		c.reply(c.deleteRecords(req))
	case *kmsg.DescribeProducersRequest:
		c.reply(c.describeProducers(req))
	case *kmsg.DescribeLogDirsRequest:
		c.reply(c.describeLogDirs(req))
	case *kmsg.DescribeTopicPartitionsRequest:
		c.reply(c.describeTopicPartitions(req))
	case *kmsg.DescribeClusterRequest:
		c.reply(c.describeCluster(req))
	case *kmsg.CreateTopicsRequest:
		c.reply(c.createTopics(req))
	case *kmsg.DeleteTopicsRequest:
		c.reply(c.deleteTopics(req))
	case *kmsg.CreatePartitionsRequest:
		c.reply(c.createPartitions(req))
	case *kmsg.DescribeConfigsRequest:
		c.reply(c.describeConfigs(req))
	case *kmsg.AlterConfigsRequest:
		c.reply(c.alterConfigs(req))
	case *kmsg.IncrementalAlterConfigsRequest:
		c.reply(c.incrementalAlterConfigs(req))
	case *kmsg.ListConfigResourcesRequest:
		c.reply(c.listConfigResources(req))
	case *kmsg.UpdateFeaturesRequest:
		c.reply(c.updateFeatures(req))
	case *kmsg.InitProducerIDRequest:
		c.initProducerID(req)
	case *kmsg.FindCoordinatorRequest:
		c.reply(c.findCoordinator(req))
	default:
		if !c.dispatchTransaction(request) {
			c.dispatchGroup(request)
		}
	}
}

// dispatchTransaction hands the transaction coordinator its requests, and those by which others take part. It reports whether it was one.
func (c *call) dispatchTransaction(request kmsg.Request) bool {
	txns := c.server.Transactions
	switch req := request.(type) {
	case *kmsg.AddPartitionsToTxnRequest:
		txns.AddPartitionsToTxn(req, func(r *kmsg.AddPartitionsToTxnResponse) { c.reply(r) })
	case *kmsg.AddOffsetsToTxnRequest:
		txns.AddOffsetsToTxn(req, func(r *kmsg.AddOffsetsToTxnResponse) { c.reply(r) })
	case *kmsg.EndTxnRequest:
		txns.EndTxn(req, func(r *kmsg.EndTxnResponse) { c.reply(r) })
	case *kmsg.ListTransactionsRequest:
		txns.ListTransactions(req, func(r *kmsg.ListTransactionsResponse) { c.reply(r) })
	case *kmsg.DescribeTransactionsRequest:
		txns.DescribeTransactions(req, func(r *kmsg.DescribeTransactionsResponse) { c.reply(r) })
	case *kmsg.WriteTxnMarkersRequest:
		c.server.Markers.Write(req, func(r *kmsg.WriteTxnMarkersResponse, _ error) { c.reply(r) })
	case *kmsg.TxnOffsetCommitRequest:
		c.server.Groups.TxnOffsetCommit(c.groupContext(), req, func(r *kmsg.TxnOffsetCommitResponse) { c.reply(r) })
	default:
		return false
	}
	return true
}

// dispatchGroup hands the group coordinator its requests. They are answered when their records are committed, or when a rebalance ends.
func (c *call) dispatchGroup(request kmsg.Request) {
	groups, ctx := c.server.Groups, c.groupContext()
	switch req := request.(type) {
	case *kmsg.JoinGroupRequest:
		groups.JoinGroup(ctx, req, func(r *kmsg.JoinGroupResponse) { c.reply(r) })
	case *kmsg.SyncGroupRequest:
		groups.SyncGroup(ctx, req, func(r *kmsg.SyncGroupResponse) { c.reply(r) })
	case *kmsg.HeartbeatRequest:
		groups.Heartbeat(ctx, req, func(r *kmsg.HeartbeatResponse) { c.reply(r) })
	case *kmsg.LeaveGroupRequest:
		groups.LeaveGroup(ctx, req, func(r *kmsg.LeaveGroupResponse) { c.reply(r) })
	case *kmsg.DescribeGroupsRequest:
		groups.DescribeGroups(ctx, req, func(r *kmsg.DescribeGroupsResponse) { c.reply(authorizedGroups(req, r)) })
	case *kmsg.ListGroupsRequest:
		groups.ListGroups(ctx, req, func(r *kmsg.ListGroupsResponse) { c.reply(r) })
	case *kmsg.DeleteGroupsRequest:
		groups.DeleteGroups(ctx, req, func(r *kmsg.DeleteGroupsResponse) { c.reply(r) })
	case *kmsg.OffsetCommitRequest:
		groups.OffsetCommit(ctx, req, func(r *kmsg.OffsetCommitResponse) { c.reply(r) })
	case *kmsg.OffsetFetchRequest:
		groups.OffsetFetch(ctx, req, func(r *kmsg.OffsetFetchResponse) { c.reply(r) })
	case *kmsg.OffsetDeleteRequest:
		groups.OffsetDelete(ctx, req, func(r *kmsg.OffsetDeleteResponse) { c.reply(r) })
	default:
		c.request.Close(fmt.Sprintf("API key %d is listed as served and has no handler", request.Key()))
	}
}

// endpoint returns where a client of the connection's listener reaches a broker. For this node behind a wildcard listener without an
// advertised address that is the address that the client itself reached.
func (s *Server) endpoint(conn *network.Conn, b *metadata.Broker) (host string, port int32, ok bool) {
	e, ok := b.Endpoint(conn.Listener.Name)
	if !ok {
		return "", -1, false
	}
	if b.ID == s.NodeID && wildcard(e.Host) {
		if local := conn.LocalAddr(); local != nil {
			return local.IP.String(), e.Port, true
		}
	}
	return e.Host, e.Port, true
}

func wildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func (s *Server) nodeEndpoints(conn *network.Conn) []protocol.NodeEndpoint {
	var list []protocol.NodeEndpoint
	img := s.Controller.Image()
	for _, id := range img.BrokerIDs() {
		b := img.Brokers[id]
		if host, port, ok := s.endpoint(conn, b); ok {
			e := protocol.NodeEndpoint{ID: id, Host: host, Port: port}
			if b.Rack != nil {
				e.Rack = *b.Rack
			}
			list = append(list, e)
		}
	}
	return list
}

// storageError returns the code of an error of the log, and logs it where it is the disk's and not the client's.
func (s *Server) storageError(what string, tp storage.TopicPartition, err error) protocol.Code {
	code := storage.ErrorCode(err)
	if errors.Is(err, storage.ErrNoSpace) {
		return code // the log directory has told, once
	}
	if code == protocol.KafkaStorageError || code == protocol.UnknownServerError {
		s.Logger.Error("a request failed at the log", "request", what, "partition", tp.String(), "error", err)
	}
	return code
}

func nodeName(id int32) string { return strconv.Itoa(int(id)) }
