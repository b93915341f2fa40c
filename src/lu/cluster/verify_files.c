/* Do the nodes have the files they should have, and the same ones? */
#include "src/lu/cluster/lus.h"

void verify_certificates(struct group_check *g)
{
	const json *certs = g->lu->cluster->candidate_certs;
	struct finder *f = &g->f;
	const enum cv_errcode code = cv_errcode_eclusterclientcert;

	if (!json_len(certs)) {
		find_if(f, true, code, NULL,
			"The cluster's list of master candidate certificates is empty. If you just "
			"updated the cluster, please run 'gnt-cluster renew-crypto "
			"--new-node-certificates'.");
		return;
	}
	for (size_t i = 0; i < g->n_nodes; i++) {
		const struct node *n = g->nodes[i].n;
		json *cert = json_get(g->nodes[i].answer->payload,
				      enum_name(&enum_node_check, node_check_client_cert));
		const char *problem = json_str(json_at(cert, 0)), *text = json_str(json_at(cert, 1));
		const char *known = json_get_str(certs, n->uuid);

		if (n->offline || g->nodes[i].answer->failed || !cert)
			continue;
		if (problem) {
			find_if(f, true, code, NULL,
				"Client certificate of node '%s' failed validation: %s (code '%s')",
				n->name, text, problem);
			continue;
		}
		if (n->master_candidate && !known)
			find_if(f, true, code, NULL,
				"The master candidate '%s' does not have an entry in the map of candidate "
				"certificates.",
				n->name);
		else if (n->master_candidate && !str_eq(known, text))
			find_if(f, true, code, NULL,
				"Client certificate digest of master candidate '%s' does not match its "
				"entry in the cluster's map of master candidate certificates. Expected: "
				"%s Got: %s",
				n->name, known, text);
		else if (!n->master_candidate && known)
			find_if(f, true, code, NULL,
				"Node '%s' is not a master candidate, but still listed in the map of "
				"master candidate certificates.",
				n->name);
	}
}

/* What one file looks like over the nodes. */
struct file_state {
	const char *path; /* without virtual root */
	bool optional;
	struct strs have, missing, unexpected; /* names of nodes */
	json *sums;                             /* checksum -> list of node names */
};

enum who { WHO_ALL, WHO_CANDIDATES, WHO_VM };

static bool expects(const struct luctx *lu, enum who who, const struct node *n)
{
	if (who == WHO_CANDIDATES)
		return n->master_candidate || str_eq(n->uuid, lu->cluster->master_node);
	return who == WHO_ALL || n->vm_capable;
}

static const char *joined(struct luctx *lu, struct strs *names)
{
	strs_sort_nat(names);
	return strs_join(lu->a, names, ", ");
}

static void judge(struct group_check *g, struct file_state *s, bool any_expected)
{
	struct finder *f = &g->f;
	struct luctx *lu = g->lu;
	struct strs variants = { NULL, 0 };
	int i = 0;

	if (s->optional) {
		find_if(f, s->missing.n && any_expected, cv_errcode_eclusterfilecheck, NULL,
			"File %s is optional, but it must exist on all or no nodes (not found on %s)",
			s->path, joined(lu, &s->missing));
	} else {
		find_if(f, s->missing.n > 0, cv_errcode_eclusterfilecheck, NULL,
			"File %s is missing from node(s) %s", s->path, joined(lu, &s->missing));
		find_if(f, s->unexpected.n > 0, cv_errcode_eclusterfilecheck, NULL,
			"File %s should not exist on node(s) %s", s->path, joined(lu, &s->unexpected));
	}
	json_each(s->sums, sum, names) {
		struct strs l = json_strs(lu->a, names);

		(void)sum;
		strs_add(lu->a, &variants,
			 arena_printf(lu->a, "variant %d on %s", ++i, joined(lu, &l)));
	}
	if (variants.n < 2)
		variants.n = 0;
	find_if(f, variants.n > 1, cv_errcode_eclusterfilecheck, NULL,
		"File %s found with %zu different checksums (%s)", s->path, json_len(s->sums),
		strs_join(lu->a, &variants, "; "));
}

static json *sums_of(const struct rpc_answer *a)
{
	json *sums = a->failed || a->offline ?
			     NULL :
			     json_get(a->payload, enum_name(&enum_node_check, node_check_filelist));

	return json_len(sums) ? sums : NULL;
}

static void one_file(struct group_check *g, const char *path, enum who who,
		     const struct node *const *nodes, const struct rpc_answer *const *answers, size_t n)
{
	struct luctx *lu = g->lu;
	struct file_state s = { .path = env_strip_root(lu->a, path),
				.optional = strs_has(&g->files.optional, path),
				.sums = json_own(lu->a, json_new_dict()) };
	size_t there = 0;

	for (size_t i = 0; i < n; i++) {
		json *sums = sums_of(answers[i]);
		const char *sum = json_get_str(sums, s.path);
		bool expected = expects(lu, who, nodes[i]);

		if (nodes[i]->offline || !sums)
			continue;
		there += expected && sum;
		if (!sum && expected)
			strs_add(lu->a, &s.missing, nodes[i]->name);
		if (sum && !expected)
			strs_add(lu->a, &s.unexpected, nodes[i]->name);
		if (!sum)
			continue;
		if (!json_get(s.sums, sum))
			json_set(s.sums, sum, json_new_array());
		json_append(json_get(s.sums, sum), json_new_str(nodes[i]->name));
	}
	judge(g, &s, there > 0);
}

void verify_files(struct group_check *g, const struct node *const *nodes,
		  const struct rpc_answer *const *answers, size_t n)
{
	const struct lu_files *f = &g->files;

	for (size_t i = 0; i < n; i++)
		if (!nodes[i]->offline)
			find_if(&g->f, !sums_of(answers[i]), cv_errcode_enodefilecheck,
				nodes[i]->name, "Node did not return file checksum data");
	for (size_t i = 0; i < f->all.n; i++)
		one_file(g, f->all.v[i], WHO_ALL, nodes, answers, n);
	for (size_t i = 0; i < f->candidates.n; i++)
		one_file(g, f->candidates.v[i], WHO_CANDIDATES, nodes, answers, n);
	for (size_t i = 0; i < f->vm.n; i++)
		one_file(g, f->vm.v[i], WHO_VM, nodes, answers, n);
}
