gntlib_PROGRAMS += ganeti-job-worker ganeti-query-worker ganeti-spread-worker
ganeti_job_worker_SOURCES = daemons/worker/job.c daemons/worker/common.c daemons/worker/worker.h
ganeti_job_worker_LDADD = $(MASTER_LIBS)
ganeti_query_worker_SOURCES = daemons/worker/query.c daemons/worker/common.c daemons/worker/worker.h
ganeti_query_worker_LDADD = $(MASTER_LIBS)
ganeti_spread_worker_SOURCES = daemons/worker/spread.c daemons/worker/common.c daemons/worker/worker.h
ganeti_spread_worker_LDADD = $(MASTER_LIBS)
