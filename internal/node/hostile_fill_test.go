package node_test

import "reflect"

// fillArrays gives every array of a message one element, so that a message reaches all the fields its version has.
func fillArrays(message any) { fill(reflect.ValueOf(message).Elem()) }

func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type().Name() == "Tags" {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		element := reflect.New(v.Type().Elem())
		if d, ok := element.Interface().(interface{ Default() }); ok {
			d.Default()
		}
		fill(element.Elem())
		v.Set(reflect.Append(v, element.Elem()))
	case reflect.String:
		if v.String() == "" {
			v.SetString("n")
		}
	}
}
