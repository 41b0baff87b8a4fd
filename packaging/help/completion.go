package main

import (
	"fmt"
	"strings"
)

func bash(all []command) string {
	var values, words strings.Builder
	for _, c := range all {
		known := make([]string, 0, len(c.options))
		for _, below := range c.subcommands(all) {
			known = append(known, below.words)
		}
		for _, o := range c.options {
			known = append(known, o.name)
			switch pattern := fmt.Sprintf("\t'%s %s') ", c.words, o.name); {
			case len(o.choices) > 0:
				fmt.Fprintf(&values, "%smapfile -t COMPREPLY < <(compgen -W '%s' -- \"$current\") ;;\n", pattern, strings.Join(o.choices, " "))
			case o.isFile():
				fmt.Fprintf(&values, "%smapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n", pattern)
			case o.value != "":
				fmt.Fprintf(&values, "%s;; # %s\n", pattern, o.value)
			}
		}
		fmt.Fprintf(&words, "\t'%s') words='%s' ;;\n", c.words, strings.Join(known, " "))
	}
	var files []string
	for _, c := range all {
		if c.takesFile() {
			files = append(files, "'"+c.words+"'")
		}
	}
	return `# bash completion for ` + name + `, made from its own --help
_telegraf_qlik_sense_version() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= words=
	if ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then
		command=${COMP_WORDS[1]}
		if [[ $command == catalog ]] && ((COMP_CWORD > 2)); then
			command+=" ${COMP_WORDS[2]}"
		fi
	fi
	COMPREPLY=()
	case "$command $previous" in
` + values.String() + `	*)
		case $command in
` + words.String() + `		esac
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
		case $command in
		` + strings.Join(files, " | ") + `)
			[[ $current == -* ]] || mapfile -t COMPREPLY < <(compgen -f -- "$current")
			;;
		esac
		;;
	esac
}
complete -o filenames -F _telegraf_qlik_sense_version ` + name + "\n"
}

func zsh(all []command) string {
	var cases strings.Builder
	quote := strings.NewReplacer("'", "'\\''", "[", `\[`, "]", `\]`, ":", `\:`)
	for _, c := range all {
		fmt.Fprintf(&cases, "\t'%s')\n\t\t_arguments -S", c.words)
		for _, o := range c.options {
			fmt.Fprintf(&cases, " \\\n\t\t\t'*%s[%s]", o.name, quote.Replace(o.text))
			switch {
			case len(o.choices) > 0:
				fmt.Fprintf(&cases, ":%s:(%s)", strings.ToLower(o.value), strings.Join(o.choices, " "))
			case o.isFile():
				fmt.Fprintf(&cases, ":%s:_files", strings.ToLower(o.value))
			case o.value != "":
				fmt.Fprintf(&cases, ":%s: ", strings.ToLower(o.value))
			}
			cases.WriteString("'")
		}
		if below := c.subcommands(all); len(below) > 0 {
			cases.WriteString(" \\\n\t\t\t'*:command:((")
			for _, b := range below {
				fmt.Fprintf(&cases, `%s\:"%s" `, b.words, quote.Replace(b.purpose))
			}
			cases.WriteString("))'")
		}
		if c.takesFile() {
			cases.WriteString(" \\\n\t\t\t'*:file:_files'")
		}
		cases.WriteString("\n\t\t;;\n")
	}
	return `#compdef ` + name + `
# zsh completion, made from the program's own --help
local command=
if ((CURRENT > 2)) && [[ $words[2] != -* ]]; then
	command=$words[2]
	shift words
	((CURRENT--))
	if [[ $command == catalog ]] && ((CURRENT > 2)); then
		command+=" $words[2]"
		shift words
		((CURRENT--))
	fi
fi
case $command in
` + cases.String() + "esac\n"
}

func fish(all []command) string {
	var b strings.Builder
	quote := strings.NewReplacer(`\`, `\\`, "'", `\'`)
	b.WriteString(`# fish completion for ` + name + `, made from its own --help
function __telegraf_qlik_sense_version_is
	set -l words (commandline -opc)
	set -l command $words[2..3]
	string match -q -- '-*' $command[1]; and set -e command
	test "$command[1]" = catalog; or set command $command[1]
	test "$command" = "$argv[1]"
end
complete -c ` + name + " -f\n")
	for _, c := range all {
		line := fmt.Sprintf("complete -c %s -n '__telegraf_qlik_sense_version_is \"%s\"'", name, c.words)
		for _, below := range c.subcommands(all) {
			fmt.Fprintf(&b, "%s -a %s -d '%s'\n", line, below.words, quote.Replace(below.purpose))
		}
		for _, o := range c.options {
			flag := strings.TrimPrefix(o.name, "--")
			fmt.Fprintf(&b, "%s -l '%s' -d '%s'", line, flag, quote.Replace(o.text))
			switch {
			case len(o.choices) > 0:
				fmt.Fprintf(&b, " -x -a '%s'", strings.Join(o.choices, " "))
			case o.isFile():
				b.WriteString(" -r -F")
			case o.value != "":
				b.WriteString(" -x")
			}
			b.WriteString("\n")
		}
		if c.takesFile() {
			fmt.Fprintf(&b, "%s -F\n", line)
		}
	}
	return b.String()
}
