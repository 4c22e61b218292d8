// Package template finds state machine definitions inside the files that deploy them.
//
// It reads AWS CloudFormation and SAM templates in YAML and JSON, what the CDK
// synthesizes, serverless.yml, Terraform configurations (HCL and JSON) and plans, and
// plain definitions:
//
//	defs, err := template.Load("template.yaml")
//	for _, d := range defs {
//		for _, f := range d.Check() {
//			fmt.Println(f.File, f.Position, f.Message)
//		}
//	}
//
// What a template only knows once it is deployed (references to other resources, values
// of parameters) stays in the definition as ${Name}, which the validator of package asl
// takes for a value that is not known yet. What the files tell is put in: substitutions
// with literal values, locals, included files, what Terraform computes of them. A state
// machine whose definition depends on a condition that is not known (Fn::If, %{ if }) is
// listed once for each outcome. A definition that is not in the files at all, but in S3 or
// behind a variable, is listed with the reason (Definition.Missing).
//
// Every byte of a definition's text knows the place in the file that it comes from, so
// that findings point into the template, or into the definition file it names.
//
// Nothing outside the project's folder is read (see WithRoot), also not through symbolic
// links. Sizes, depth, the number of files and the work that references cause are
// bounded. Templates with the marks of Jinja or Cookiecutter ({{...}}, {%...%}) are read
// as if the marks were not there.
package template
