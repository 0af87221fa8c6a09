package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ottla.dev/ottla/internal/cli/kafkatools/tool"
	"ottla.dev/ottla/internal/config/storageformat"
)

// formatting is what a node's directories get.
type formatting struct {
	node            *nodeConfig
	clusterID       string
	version         storageformat.MetadataVersion
	levels          map[string]int16
	bootstrap       *storageformat.Bootstrap
	voters          []storageformat.Voter
	ignoreFormatted bool
}

// formatOptions are the options of the subcommand format.
type formatOptions struct {
	*tool.Options
	config, clusterID, scram, ignore, release, feature *tool.Option
	standalone, none, initial                          *tool.Option
}

func parseFormat(doc string, args []string) (*formatOptions, error) {
	p := parser("format", doc)
	o := &formatOptions{
		config:     p.String("config", "CONFIG", "The configuration file.").Required(),
		clusterID:  p.String("cluster-id", "CLUSTER_ID", "The id of the cluster.").Required(),
		scram:      p.String("add-scram", "ADD_SCRAM", "A credential for the new cluster, such as SCRAM-SHA-256=[name=alice,password=secret]; may be repeated.").Repeated(),
		ignore:     p.Flag("ignore-formatted", "Leave directories alone that are formatted already."),
		release:    p.String("release-version", "RELEASE_VERSION", "The release whose feature levels the cluster starts with."),
		feature:    p.String("feature", "FEATURE", "A feature and its level, such as group.version=1; may be repeated.").Repeated(),
		standalone: p.Flag("standalone", "Start a quorum of this controller alone. Not with controller.quorum.voters."),
		none:       p.Flag("no-initial-controllers", "Leave the quorum to others. Not with controller.quorum.voters."),
		initial:    p.String("initial-controllers", "INITIAL_CONTROLLERS", "The first controllers: id@host:port:directory, joined by commas. Not with controller.quorum.voters."),
	}
	for letter, option := range map[string]*tool.Option{
		"c": o.config, "t": o.clusterID, "S": o.scram, "g": o.ignore, "r": o.release, "f": o.feature, "s": o.standalone, "N": o.none, "I": o.initial,
	} {
		p.Alias(option, letter)
	}
	p.Exclusive(false, o.standalone, o.none, o.initial)
	var err error
	o.Options, err = p.Parse(args)
	return o, err
}

// format prepares the directories that are not yet prepared.
func (c *command) format(doc string, args []string) (int, error) {
	o, err := parseFormat(doc, args)
	if err != nil {
		return 0, err
	}
	f := &formatting{clusterID: o.String(o.clusterID), ignoreFormatted: o.Has(o.ignore)}
	if f.node, err = loadConfig(o.String(o.config)); err != nil {
		return 0, err
	}
	if len(f.node.List("process.roles")) == 0 {
		return 0, tool.Fail("The kafka configuration file appears to be for a legacy cluster. Formatting is only supported for clusters in KRaft mode.")
	}
	if err := f.chooseVoters(o); err != nil {
		return 0, err
	}
	if err := f.chooseFeatures(o); err != nil {
		return 0, err
	}
	return 0, c.write(f)
}

// chooseVoters checks how the quorum starts, against the configuration.
func (f *formatting) chooseVoters(o *formatOptions) error {
	static := len(f.node.Voters()) > 0
	if static && o.HasAny(o.initial, o.standalone) {
		return tool.Fail("You cannot specify controller.quorum.voters and format the node with --initial-controllers or --standalone. " +
			"If you want to use dynamic quorum, please remove controller.quorum.voters and specify controller.quorum.bootstrap.servers instead.")
	}
	var err error
	switch {
	case o.Has(o.initial):
		f.voters, err = f.parseVoters(o.String(o.initial))
	case o.Has(o.standalone):
		f.voters, err = f.standalone()
	case f.node.HasRole("controller") && !static && !o.Has(o.none):
		return tool.Fail("Because controller.quorum.voters is not set on this controller, you must specify one of the following: " +
			"--standalone, --initial-controllers, or --no-initial-controllers.")
	}
	return err
}

// controllerListener names the listener that the voters of the first snapshot are reached at.
func (f *formatting) controllerListener() string {
	names := f.node.List("controller.listener.names")
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func (f *formatting) standalone() ([]storageformat.Voter, error) {
	if !f.node.HasRole("controller") {
		return nil, tool.Fail("You can only use --standalone on a controller.")
	}
	listeners := f.node.ControllerListeners()
	if len(listeners) == 0 {
		return nil, tool.Errorf("No controller listeners found.")
	}
	host := listeners[0].Host
	if host == "" {
		host = "localhost"
	}
	return []storageformat.Voter{{
		ID: f.node.NodeID(), DirectoryID: storageformat.NewUUID(),
		Listener: f.controllerListener(), Host: host, Port: uint16(listeners[0].Port),
	}}, nil
}

// parseVoters reads "id@host:port:directory,…"; the directory's id may hold no colon, so it is what follows the last one.
func (f *formatting) parseVoters(list string) ([]storageformat.Voter, error) {
	var voters []storageformat.Voter
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		id, rest, ok := strings.Cut(entry, "@")
		at := strings.LastIndexByte(rest, ':')
		if !ok || at < 0 {
			return nil, fmt.Errorf("%q is no controller: it takes the form id@host:port:directory", entry)
		}
		host, port, err := net.SplitHostPort(rest[:at])
		n, idErr := strconv.ParseInt(id, 10, 32)
		portNumber, portErr := strconv.ParseUint(port, 10, 16)
		_, uuidErr := storageformat.ParseUUID(rest[at+1:])
		if err := errors.Join(err, idErr, portErr, uuidErr); err != nil || n < 0 || host == "" {
			return nil, fmt.Errorf("%q is no controller: it takes the form id@host:port:directory", entry)
		}
		if slices.ContainsFunc(voters, func(v storageformat.Voter) bool { return v.ID == int32(n) }) {
			return nil, fmt.Errorf("controller %d stands twice in %q", n, list)
		}
		voters = append(voters, storageformat.Voter{
			ID: int32(n), DirectoryID: rest[at+1:], Listener: f.controllerListener(), Host: host, Port: uint16(portNumber),
		})
	}
	return voters, nil
}

// chooseFeatures finds the feature levels and credentials of the new cluster.
func (f *formatting) chooseFeatures(o *formatOptions) error {
	unstable := f.node.Bool("unstable.feature.versions.enable")
	asked := map[string]int16{}
	for _, arg := range o.Strings(o.feature) {
		name, text, ok := strings.Cut(arg, "=")
		if !ok {
			return tool.Errorf("Can't parse feature=level string %s: equals sign not found.", arg)
		}
		level, err := strconv.ParseInt(strings.TrimSpace(text), 10, 16)
		if err != nil {
			return tool.Errorf("Can't parse feature=level string %s: unable to parse %s as a short.", arg, strings.TrimSpace(text))
		}
		asked[strings.TrimSpace(name)] = int16(level)
	}
	if err := f.chooseVersion(o, asked, unstable); err != nil {
		return err
	}
	var err error
	if f.levels, err = storageformat.FeatureLevels(f.version, asked, len(f.node.Voters()) == 0); err != nil {
		return err
	}
	var credentials []storageformat.Credential
	for _, arg := range o.Strings(o.scram) {
		credential, err := storageformat.ParseScram(arg)
		if err != nil {
			return err
		}
		credentials = append(credentials, credential)
	}
	f.bootstrap, err = storageformat.NewBootstrap(f.levels, credentials)
	return err
}

func (f *formatting) chooseVersion(o *formatOptions, asked map[string]int16, unstable bool) error {
	level, byFeature := asked["metadata.version"]
	var err error
	switch {
	case byFeature && o.Has(o.release):
		return tool.Fail("Use --release-version instead of --feature metadata.version=X to avoid ambiguity.")
	case byFeature:
		f.version, err = storageformat.MetadataVersionOf(level)
	case o.Has(o.release):
		f.version, err = storageformat.ParseMetadataVersion(o.String(o.release), unstable)
	case unstable:
		versions := storageformat.MetadataVersions()
		f.version = versions[len(versions)-1]
	default:
		f.version = storageformat.LatestProduction()
	}
	if err == nil && !unstable && !f.version.Production() {
		return tool.Fail("metadata.version %s is not yet stable.", f.version)
	}
	return err
}

// readMeta reads a directory's meta.properties.
func (c *command) readMeta(dir string) (storageformat.MetaProperties, error) {
	text, err := tool.ReadFile(c.fs, metaPath(dir), maxFileBytes)
	if err != nil {
		return storageformat.MetaProperties{}, err
	}
	return storageformat.ParseMetaProperties(text)
}

// write prepares the empty directories, if those that are prepared already belong to the same node.
func (c *command) write(f *formatting) error {
	var empty []string
	formatted := map[string]storageformat.MetaProperties{}
	unreadable := 0
	for _, dir := range f.node.directories {
		meta, err := c.readMeta(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			empty = append(empty, dir)
		case err != nil:
			unreadable++
			c.Println("I/O error trying to read log directory " + dir + ". Ignoring...")
		default:
			formatted[dir] = meta
		}
	}
	if err := f.checkFormatted(formatted); err != nil {
		return err
	}
	if unreadable > 0 && len(empty)+len(formatted) == 0 {
		return tool.Fail("No available log directories to format.")
	}
	if len(empty) == 0 {
		c.Println("All of the log directories are already formatted.")
		return nil
	}
	c.Println("Bootstrap metadata: " + bootstrapText(f.bootstrap))
	for _, dir := range empty {
		if err := c.formatDirectory(f, dir); err != nil {
			return err
		}
	}
	return nil
}

// checkFormatted refuses directories of other nodes and clusters, and formatted ones unless they may be there.
func (f *formatting) checkFormatted(formatted map[string]storageformat.MetaProperties) error {
	for _, dir := range f.node.directories {
		meta, ok := formatted[dir]
		switch {
		case !ok:
		case meta.ClusterID != "" && meta.ClusterID != f.clusterID:
			return tool.Errorf("Invalid cluster.id in: %s. Expected %s, but read %s", metaPath(dir), f.clusterID, meta.ClusterID)
		case meta.NodeID >= 0 && meta.NodeID != f.node.NodeID():
			return tool.Errorf("Stored node id %d doesn't match previous node id %d in %s. If you moved your data, make sure your "+
				"configured node id matches. If you intend to create a new node, you should remove all data in your data directories.",
				meta.NodeID, f.node.NodeID(), metaPath(dir))
		}
	}
	for _, dir := range f.node.directories {
		if _, ok := formatted[dir]; ok && !f.ignoreFormatted {
			return tool.Fail("Log directory %s is already formatted. Use --ignore-formatted to ignore this directory and format the others.", dir)
		}
	}
	return nil
}

// formatDirectory writes meta.properties last: only then the directory counts as formatted.
func (c *command) formatDirectory(f *formatting, dir string) error {
	meta := storageformat.MetaProperties{Version: 1, ClusterID: f.clusterID, NodeID: f.node.NodeID(), DirectoryID: storageformat.NewUUID()}
	kind := "data directory"
	dynamic := dir == f.node.metadataDir && f.voters != nil
	if dir == f.node.metadataDir {
		kind = "metadata directory"
	}
	if dynamic {
		kind = "dynamic metadata directory"
		if i := slices.IndexFunc(f.voters, func(v storageformat.Voter) bool { return v.ID == meta.NodeID }); i >= 0 {
			kind = "dynamic metadata voter directory"
			meta.DirectoryID = f.voters[i].DirectoryID
		}
	}
	c.Printf("Formatting %s %s with metadata.version %s.\n", kind, dir, f.version)
	bootstrap, err := f.bootstrap.Encode(c.now())
	if err != nil {
		return err
	}
	if err := c.writeFile(filepath.Join(dir, storageformat.BootstrapFile), bootstrap); err != nil {
		return err
	}
	if dynamic {
		voters, err := storageformat.EncodeVoters(f.levels["kraft.version"], f.voters, c.now())
		if err != nil {
			return err
		}
		if err := c.writeFile(filepath.Join(dir, storageformat.VotersFile), voters); err != nil {
			return err
		}
	}
	if err := c.writeFile(metaPath(dir), meta.Format(c.now())); err != nil {
		return tool.Errorf("Error while writing meta.properties file %s: %w", dir, err)
	}
	return nil
}

// bootstrapText writes what a new cluster gets in the manner of Apache's tool, but keeps the credentials' keys to itself.
func bootstrapText(b *storageformat.Bootstrap) string {
	var records []string
	for _, f := range b.Features {
		records = append(records, fmt.Sprintf("ApiMessageAndVersion(FeatureLevelRecord(name='%s', featureLevel=%d) at version 0)", f.Name, f.Level))
	}
	for _, credential := range b.Credentials {
		records = append(records, fmt.Sprintf("ApiMessageAndVersion(UserScramCredentialRecord(name='%s', mechanism=%d, iterations=%d) at version 0)",
			credential.User, int8(credential.Mechanism), credential.Iterations))
	}
	return fmt.Sprintf("BootstrapMetadata(records=[%s], metadataVersionLevel=%d, source=format command)", strings.Join(records, ", "), b.MetadataVersion())
}
