package controller

import (
	"ottla.dev/ottla/internal/metadata"
	"ottla.dev/ottla/internal/protocol"
)

// Bootstrap returns what a fresh cluster begins with: its id and, unless the caller has other records, the default level
// of every feature. For a cluster that is not fresh it returns nothing, or an error if it is another cluster.
func Bootstrap(img *metadata.Image, clusterID string, records []metadata.Record) ([]metadata.Record, error) {
	if img.ClusterID != "" {
		if clusterID != "" && clusterID != img.ClusterID {
			return nil, protocol.Errorf(protocol.InconsistentClusterID, "the metadata is of cluster %s, the data directories of cluster %s", img.ClusterID, clusterID)
		}
		return nil, nil
	}
	first := []metadata.Record{metadata.ClusterRecord{ClusterID: clusterID}}
	if records == nil {
		for _, f := range metadata.Features() {
			if f.Default != 0 {
				records = append(records, metadata.FeatureLevelRecord{Name: f.Name, Level: f.Default})
			}
		}
	}
	return append(first, records...), nil
}
