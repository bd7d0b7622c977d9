//! The codes of the platform's products.

use mlops_shared::codes;

codes! {
    KAFKA_PLAINTEXT = "kafka-plaintext", "A Kafka listener without TLS",
        "Messages and passwords cross the network readable for whoever is on the way: another pod with host network, a node, a network device.",
        "Set tls: true on the listener; clients trust the cluster's authority, which Strimzi keeps in the Secret CLUSTER-cluster-ca-cert.";
    KAFKA_NO_AUTHENTICATION = "kafka-no-authentication", "A Kafka listener that asks nobody who they are",
        "Whoever reaches its port is a client: can read every topic and write to it, and without authorization delete it too.",
        "Set authentication (tls or scram-sha-512) on the listener and make KafkaUsers.";
    KAFKA_NO_AUTHORIZATION = "kafka-no-authorization", "Every Kafka client may do everything",
        "Without spec.kafka.authorization a client that got in, by whatever account, can read, change and delete all topics and groups.",
        "Set authorization: {type: simple} and give each KafkaUser its acls.";
    KAFKA_WIDE_ACL = "kafka-wide-acl", "A Kafka user may do everything on everything",
        "Whoever has its password or certificate has all the data in the cluster.",
        "Name topics and groups (with patternType: prefix where there are many) and only the operations it needs.";
    KAFKA_CA_RENEWAL = "kafka-ca-renewal", "A Kafka cluster's certificates are not renewed in good time",
        "Strimzi renews its authorities and the certificates below them renewalDays before they end (30 of 365 by default), and an authority of one's own never. Clients that trust only the old authority are cut off when it ends.",
        "Leave some weeks in renewalDays, fewer than validityDays, and set maintenanceTimeWindows; renew an authority of your own by hand before it ends.";
    MINIO_NO_TLS = "minio-no-tls", "A MinIO tenant without TLS",
        "Keys, passwords and the data itself cross the network readable: requestAutoCert is off and no certificate is given.",
        "Set requestAutoCert: true, or externalCertSecret with a certificate of your own.";
    MINIO_PUBLIC_METRICS = "minio-public-metrics", "MinIO's metrics are open to everybody",
        "Without a token whoever reaches the port learns the names of buckets, their sizes and who uses them how.",
        "Remove MINIO_PROMETHEUS_AUTH_TYPE and give Prometheus the token of `mc admin prometheus generate`.";
    MINIO_EXPOSED = "minio-exposed", "MinIO's API or console is reached from outside the cluster",
        "Its login page and API are open to whoever reaches the nodes or the load balancer: one guessed password away from the data.",
        "Use ClusterIP and an Ingress with its own login, or limit loadBalancerSourceRanges.";
    MINIO_ROOT_USED = "minio-root-used", "An application uses MinIO's root account",
        "The root account may read, change and delete every bucket and every user: whoever breaks into the application can too, and the password cannot be changed without breaking it.",
        "Make a user with a policy for the one bucket (`mc admin user add`, `mc admin policy attach`) and put its keys into a Secret of their own.";
    AIRFLOW_CONFIG_EXPOSED = "airflow-config-exposed", "Airflow shows its configuration to its users",
        "The page holds the database's address with its password, the Fernet key and the secret key: with these every stored connection can be read and every session forged.",
        "Set expose_config to False, or to non-sensitive-only.";
    DATABASE_NO_TLS = "database-no-tls", "A database connection without TLS",
        "sslmode disable sends the password and the data readable.",
        "Set sslmode to verify-full, at least to require.";
    GRAFANA_DEFAULT_LOGIN = "grafana-default-login", "Grafana has a login that everybody knows",
        "An administrator of Grafana reads all data sources with their stored credentials.",
        "Name a Secret in grafana.admin.existingSecret and change the password.";
    GRAFANA_ANONYMOUS = "grafana-anonymous", "Grafana lets everybody in without a login",
        "Whoever reaches it sees the dashboards and may query every data source; with the role Admin or Editor also change them.",
        "Set auth.anonymous.enabled to false.";
    WEBHOOK_FAILS_OPEN = "webhook-fails-open", "An admission webhook may be passed over",
        "With failurePolicy Ignore an object is let in as it is when the webhook does not answer: pods of Spark jobs then run without the volumes, tolerations and security context that the operator would have set, and what a policy forbids is let in.",
        "Set failurePolicy to Fail, limit the webhook to its namespaces by a selector, and run two replicas.";
    SERVICE_EXPOSED = "service-exposed", "A product's Service is opened to the outside by Helm values",
        "A NodePort is open on every node, a load balancer on an address of its own: past Ingress, its login and its TLS.",
        "Use ClusterIP and an Ingress or Gateway.";
}
