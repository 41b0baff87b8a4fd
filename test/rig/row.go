package rig

import "telegraf-qlik-sense-version/test/stack"

// Row is a point as InfluxQL returns it: tags, fields and time, without nulls.
type Row map[string]any

// Rows are the rows of a result.
func Rows(series []stack.Series) []Row {
	var all []Row
	for _, s := range series {
		for _, values := range s.Values {
			one := make(Row, len(values))
			for i, value := range values {
				if value != nil {
					one[s.Columns[i]] = value
				}
			}
			all = append(all, one)
		}
	}
	return all
}
